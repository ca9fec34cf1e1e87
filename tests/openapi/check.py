"""The API's document, checked by itself and against a running server.

First the document has to be valid. Then schemathesis makes requests of it, right ones and wrong ones, and every answer
has to be one that the document tells: no 5xx, no other status, type or header, no body that breaks its schema.

    ADMIN_TOKEN=… CLIENT_TOKEN=… check.py http://127.0.0.1:8080

Everything may be changed and deleted on that server. Nothing of the document is left out.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import requests
from openapi_spec_validator import OpenAPIV30SpecValidator

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]


def valid_document(base_url: str) -> str:
    """The address of the document, which is valid."""
    url = f"{base_url}/openapi.json"
    answer = requests.get(url, timeout=10)
    answer.raise_for_status()
    errors = OpenAPIV30SpecValidator(answer.json()).iter_errors()
    if problems := [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]:
        sys.exit("The document is not valid OpenAPI:\n" + "\n".join(problems))
    return url


def fuzz(url: str, *selection: str) -> bool:
    """Runs schemathesis over some of the document's operations; tells whether all went well."""
    with tempfile.TemporaryDirectory() as directory:
        # It leaves files beside its configuration.
        configuration = shutil.copy(Path(__file__).with_name("schemathesis.toml"), directory)
        command = [
            *[sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"],
            *["--config-file", configuration, "--no-color"],
            *["run", url, "--checks", ",".join(CHECKS), *selection],
        ]
        return subprocess.run(command, check=False, cwd=directory).returncode == 0


if __name__ == "__main__":
    [base_url] = sys.argv[1:]
    if urlsplit(base_url).hostname != "127.0.0.1":
        sys.exit("Only a throw-away server on this machine is fuzzed.")
    document = valid_document(base_url)
    # The relays first: an admin may switch their providers off, and that is what the fuzzer does.
    are_good = [fuzz(document, "--include-tag", "Relays"), fuzz(document, "--exclude-tag", "Relays")]
    sys.exit(0 if all(are_good) else 1)
