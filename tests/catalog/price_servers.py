"""Local servers with price lists in the forms of AWS and Google Cloud."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

COLUMNS = (
    *("SKU", "OfferTermCode", "RateCode", "TermType", "PriceDescription", "EffectiveDate"),
    *("StartingRange", "EndingRange", "Unit", "PricePerUnit", "Currency", "RelatedTo"),
    *("LeaseContractLength", "PurchaseOption", "OfferingClass", "Product Family", "serviceCode"),
    *("Location", "Location Type", "Instance Type", "Current Generation", "Instance Family"),
    *("vCPU", "Memory", "Storage", "Tenancy", "Operating System", "License Model"),
    *("CapacityStatus", "GPU", "Region Code", "MarketOption", "Pre Installed S/W"),
)
"""Columns of the price list of EC2, less some that say nothing of interest here."""

USUAL = {
    "TermType": "OnDemand",
    "Unit": "Hrs",
    "Currency": "USD",
    "Product Family": "Compute Instance",
    "serviceCode": "AmazonEC2",
    "Tenancy": "Shared",
    "Operating System": "Linux",
    "License Model": "No License required",
    "CapacityStatus": "Used",
    "MarketOption": "OnDemand",
    "Pre Installed S/W": "NA",
}


def price_list(*rows: dict[str, str]) -> str:
    """Return a price list of EC2; each row says only how it differs from a usual one."""
    head = [
        ("FormatVersion", "v1.0"),
        ("Disclaimer", 'This pricing list is for informational purposes only, with "quotes".'),
        ("Publication Date", "2026-11-20T18:00:00Z"),
        ("Version", "20261120180000"),
        ("OfferCode", "AmazonEC2"),
    ]
    body = [[(USUAL | row).get(column, "") for column in COLUMNS] for row in rows]
    return "".join(_line(line) for line in (*head, COLUMNS, *body))


def _line(fields: Any) -> str:
    return ",".join('"' + field.replace('"', '""') + '"' for field in fields) + "\n"


def sku(description: str, price: float, usage: str, *regions: str) -> dict[str, Any]:
    """Return an entry of Google's billing catalogue."""
    units = int(price)
    return {
        "name": "services/6F81-5844-456A/skus/0000-0000-0000",
        "description": description,
        "category": {"resourceFamily": "Compute", "resourceGroup": "CPU", "usageType": usage},
        "serviceRegions": list(regions),
        "pricingInfo": [
            {
                "pricingExpression": {
                    "usageUnit": "h",
                    "tieredRates": [
                        {
                            "startUsageAmount": 0,
                            "unitPrice": {
                                "currencyCode": "USD",
                                "units": str(units),
                                "nanos": round((price - units) * 1e9),
                            },
                        }
                    ],
                }
            }
        ],
    }


class PriceServer:
    """Answers with what is put into it, and remembers what was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.aws: dict[str, str | int] = {}
        """Price list by region, or the status to answer with."""
        self.gcp_pages: list[list[dict[str, Any]]] = []
        self.key = "key"
        self.asked: list[str] = []

    def answer(self, path: str, key: str | None) -> tuple[int, bytes]:
        """Return the status and the body for a request."""
        parts = urlsplit(path)
        self.asked.append(parts.path)
        if parts.path == "/v1/services/6F81-5844-456A/skus":
            return self._billing(parse_qs(parts.query), key)
        region = parts.path.removeprefix("/offers/v1.0/aws/AmazonEC2/current/").split("/")[0]
        found = self.aws.get(region, 404)
        return (found, b"") if isinstance(found, int) else (200, found.encode())

    def _billing(self, query: dict[str, list[str]], key: str | None) -> tuple[int, bytes]:
        if key != self.key:
            return 403, b"{}"
        at = int(query.get("pageToken", ["0"])[0])
        more = str(at + 1) if at + 1 < len(self.gcp_pages) else ""
        return 200, json.dumps({"skus": self.gcp_pages[at], "nextPageToken": more}).encode()


@contextmanager
def running_price_server() -> Iterator[PriceServer]:
    """Run a server until the end."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = served.answer(self.path, self.headers.get("X-Goog-Api-Key"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep what is asked out of the output of tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = PriceServer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
