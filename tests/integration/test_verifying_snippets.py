"""The snippets of docs/verifying.md, run where their language is on the machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from webhook_service.keys import private_of, public_key_of, secret_of
from webhook_service.sign import PreviousSecret, signer_of

PAGE = (Path(__file__).parents[2] / "docs" / "verifying.md").read_text(encoding="utf-8")
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
OURS, OTHER = secret_of(bytes(32)), secret_of(bytes(range(32)))
PRIVATE = private_of(bytes(range(32)))
BODY = b'{"name":"Zo\xc3\xab"}\r\n\x00'
#: Language: file, command (with {} for the file), and whether it knows `v1a`.
LANGUAGES: dict[str, tuple[str, Sequence[str], bool]] = {
    "javascript": ("verify.js", ("node", "{}"), True),
    "go": ("verify.go", ("go", "build", "-o", "verify", "{}"), True),
    "java": ("Verify.java", ("javac", "{}"), True),
    "php": ("verify.php", ("php", "{}"), False),
    "ruby": ("verify.rb", ("ruby", "{}"), False),
}
#: What is run after it was built.
BUILT = {"go": ("./verify",), "java": ("java", "-cp", ".", "Verify")}
ELSEWHERE = {"go": "/usr/local/go/bin/go"}


def program(name: str) -> str | None:
    found = shutil.which(name) or ELSEWHERE.get(name)
    return found if found and Path(found).exists() else None


@pytest.fixture(params=LANGUAGES)
def verifier(request, tmp_path):
    """Says what the snippet of a language thinks of a request."""
    language = request.param
    file, (tool, *rest), knows_v1a = LANGUAGES[language]
    found = program(tool)
    if found is None:
        pytest.skip(f"{tool} is not on this machine")
    (code,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / file).write_text(code, encoding="utf-8")
    command = [found, *(each.format(file) for each in rest)]
    if language in BUILT:
        subprocess.run(command, cwd=tmp_path, check=True, timeout=300)
        command = list(BUILT[language])

    def accepts(
        key: str | None, headers: dict[str, str], body: bytes = BODY, at: float = 0
    ) -> bool:
        variables = {
            "KEY": key or "",
            "ID": headers["webhook-id"],
            "TIMESTAMP": headers["webhook-timestamp"],
            "SIGNATURE": headers["webhook-signature"],
            "NOW": str(int(NOW.timestamp() + at)),
        }
        done = subprocess.run(
            command, cwd=tmp_path, env={**os.environ, **variables}, input=body,
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode in (0, 1), done.stderr.decode()
        assert not done.stderr, done.stderr.decode()
        return done.returncode == 0

    return accepts, knows_v1a


def test_the_snippet_accepts_what_is_signed_and_refuses_everything_else(verifier):
    accepts, knows_v1a = verifier
    previous = PreviousSecret(secret=OURS, until=NOW + timedelta(hours=1))
    plain = dict(signer_of(OURS).headers("msg_1", NOW, BODY))
    both = dict(signer_of(PRIVATE, [previous]).headers("msg_1", NOW, BODY))
    bad = {**plain, "webhook-signature": "v1,AAAA v1,é v1"}

    assert accepts(OURS, plain)
    assert accepts(OURS, plain, at=299)
    assert accepts(OURS, both)
    assert not accepts(OTHER, plain)
    assert not accepts(OURS, plain, body=BODY + b" ")
    assert not accepts(OURS, plain, at=301)
    assert not accepts(OURS, plain, at=-301)
    assert not accepts(OURS, {**plain, "webhook-timestamp": "soon"})
    assert not accepts(OURS, bad)
    if knows_v1a:
        assert accepts(public_key_of(PRIVATE), both)
        assert not accepts(public_key_of(PRIVATE), both, body=b"{}")
        assert not accepts(public_key_of(PRIVATE), plain)


def test_the_kit_for_python_needs_nothing_but_python():
    folder = Path(__file__).parents[2] / "receiver" / "python"
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import hookline_verify"

    subprocess.run([sys.executable, "-I", "-S", "-B", "-c", code], check=True, timeout=60)
