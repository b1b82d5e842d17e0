"""moto's server with the public parameters of images, which moto lacks."""

from __future__ import annotations

import datetime
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.ssm.models import Parameter, SimpleSystemManagerBackend, ssm_backends
from werkzeug.serving import WSGIRequestHandler, make_server

from skyflow.clouds.aws.image_names import image_source
from tests.clouds.aws.images import ARM_IMAGE, IMAGE


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: object) -> None:
        """Keep what is asked out of the output of tests."""


class Seeded(SimpleSystemManagerBackend):
    """The parameters of a region, those of images among them whenever it begins anew."""

    __module__ = SimpleSystemManagerBackend.__module__  # beside which moto looks for its URLs

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        for image in (None, "skypilot:cpu-ubuntu-2404", "skypilot:gpu-ubuntu-2404"):
            for instance_type, ami in (("g5.xlarge", IMAGE), ("g5g.xlarge", ARM_IMAGE)):
                for accelerators in (False, True):
                    name = image_source(image, instance_type, accelerators)
                    self._parameters[name] = [parameter(account_id, name, ami)]


def parameter(account_id: str, name: str, value: str) -> Parameter:
    # The type checker takes it for abstract, by what it has of CloudFormation.
    make: Any = Parameter
    made: Parameter = make(
        account_id=account_id,
        name=name,
        value=value,
        parameter_type="String",
        description=None,
        allowed_pattern=None,
        keyid=None,
        last_modified_date=datetime.datetime.now(datetime.UTC),
        version=1,
        data_type="text",
    )
    return made


def main() -> None:
    ssm_backends.backend = Seeded
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    # Whoever started it reads this.
    print(f"Running on http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201
    server.serve_forever()
