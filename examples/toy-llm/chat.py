"""Chat with any endpoint that speaks OpenAI's API. Needs `pip install openai`.

python chat.py --endpoint http://127.0.0.1:30001 "What is a replica?"
python chat.py --endpoint http://127.0.0.1:30001
"""

from __future__ import annotations

import argparse
import os
import sys

import openai
from openai.types.chat import ChatCompletionMessageParam


def main() -> None:
    """Answer one prompt, or hold a conversation until end of input."""
    options = _parse()
    client = openai.OpenAI(
        base_url=f"{options.endpoint.rstrip('/').removesuffix('/v1')}/v1",
        api_key=os.environ.get("OPENAI_API_KEY") or "none",
    )
    try:
        model = options.model or client.models.list().data[0].id
        if options.prompt is not None:
            _reply(client, model, [{"role": "user", "content": options.prompt}])
        else:
            _converse(client, model)
    except openai.APIError as error:
        sys.exit(f"{options.endpoint}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("prompt", nargs="?", help="one prompt; without it, a conversation")
    parser.add_argument("--endpoint", required=True, help="such as http://127.0.0.1:30001")
    parser.add_argument("--model", help="the endpoint's first model if not given")
    return parser.parse_args()


def _converse(client: openai.OpenAI, model: str) -> None:
    messages: list[ChatCompletionMessageParam] = []
    while True:
        try:
            prompt = input("> ").strip()
        except EOFError:
            return
        if not prompt:
            continue
        messages.append({"role": "user", "content": prompt})
        messages.append({"role": "assistant", "content": _reply(client, model, messages)})


def _reply(client: openai.OpenAI, model: str, messages: list[ChatCompletionMessageParam]) -> str:
    text = ""
    for chunk in client.chat.completions.create(model=model, messages=messages, stream=True):
        piece = chunk.choices[0].delta.content if chunk.choices else None
        if piece:
            text += piece
            print(piece, end="", flush=True)
    print()
    return text


if __name__ == "__main__":
    main()
