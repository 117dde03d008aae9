"""Finds Java and Maven, and the jars of Kafka through them."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from runtime.local_broker.config import KAFKA_VERSION, MINIMUM_JAVA, POM
from runtime.local_broker.run import run, wait
from schemas.errors import ConfigurationError

Announce = Callable[[str], None]

INSTALL_JAVA = (
    f"install a JRE of version {MINIMUM_JAVA} or newer "
    "(Debian and Ubuntu: apt-get install openjdk-17-jre-headless; macOS: brew install openjdk)"
)
INSTALL_MAVEN = (
    "install Maven, which fetches Kafka's jars once "
    "(Debian and Ubuntu: apt-get install maven; macOS: brew install maven)"
)
#: 46 jars, 44 MB; a slow line needs its time, a dead one must end.
MAVEN_TIMEOUT_S = 600.0
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


def java_version(output: str) -> int | None:
    """The major version in what `java -version` printed; None if there is none."""
    found = _VERSION.search(output)
    return int(found.group(1)) if found else None


def find_java(environ: Mapping[str, str]) -> Path:
    """A Java that can run Kafka: `JAVA_HOME`'s, else the one on the path.

    Raises:
        ConfigurationError: There is none, or it is too old.
    """
    home = environ.get("JAVA_HOME")
    candidate = str(Path(home) / "bin" / "java") if home else "java"
    java = shutil.which(candidate, path=environ.get("PATH"))
    if java is None:
        where = f"JAVA_HOME ({home}) holds no bin/java" if home else "there is no java on the path"
        raise ConfigurationError(f"{where}: {INSTALL_JAVA}")
    version = java_version(_version_output(java))
    if version is None:
        raise ConfigurationError(f"{java} does not run: {INSTALL_JAVA}")
    if version < MINIMUM_JAVA:
        raise ConfigurationError(
            f"{java} is Java {version}, and Kafka {KAFKA_VERSION} needs {MINIMUM_JAVA}: {INSTALL_JAVA}"
        )
    return Path(java)


def _version_output(java: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the user's own java
            [java, "-version"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stderr + done.stdout


def cache_dir(environ: Mapping[str, str]) -> Path:
    """Where the jars are kept: in `XDG_CACHE_HOME`, else in the user's `.cache`."""
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "hookline" / f"kafka-{KAFKA_VERSION}"


def have_jars(environ: Mapping[str, str]) -> bool:
    """True if the jars were fetched before; Maven is not needed then."""
    return cache_dir(environ).is_dir()


def find_maven(environ: Mapping[str, str]) -> Path:
    """The `mvn` on the path.

    Raises:
        ConfigurationError: There is none.
    """
    maven = shutil.which("mvn", path=environ.get("PATH"))
    if maven is None:
        raise ConfigurationError(f"there is no mvn on the path: {INSTALL_MAVEN}")
    return Path(maven)


def fetch_jars(environ: Mapping[str, str], announce: Announce, aborted: Callable[[], bool]) -> Path:
    """The folder with Kafka's jars, fetched through Maven if they are not cached yet.

    Two processes may ask at once: one fetches, the other waits for it.

    Raises:
        ConfigurationError: Maven is missing or failed; its last lines are quoted.
    """
    jars = cache_dir(environ)
    if jars.is_dir():
        return jars
    maven = find_maven(environ)
    jars.parent.mkdir(parents=True, exist_ok=True)
    with _locked(jars.with_name(f"{jars.name}.lock"), aborted):
        if jars.is_dir():
            return jars
        announce(f"fetching Apache Kafka {KAFKA_VERSION} through Maven (44 MB, once)")
        with tempfile.TemporaryDirectory(prefix="fetching-", dir=jars.parent) as scratch:
            _copy_dependencies(maven, environ, Path(scratch), aborted)
            # The folder appears whole or not at all.
            (Path(scratch) / "jars").rename(jars)
    return jars


def _copy_dependencies(
    maven: Path, environ: Mapping[str, str], scratch: Path, aborted: Callable[[], bool]
) -> None:
    (scratch / "pom.xml").write_text(POM)
    command = [
        str(maven),
        "--batch-mode",
        "--quiet",
        "--strict-checksums",
        "--file",
        str(scratch / "pom.xml"),
        "dependency:copy-dependencies",
        f"-DoutputDirectory={scratch / 'jars'}",
        "-DincludeScope=runtime",
    ]
    failed = run(command, environ, timeout_s=MAVEN_TIMEOUT_S, aborted=aborted)
    if failed is not None:
        raise ConfigurationError(
            f"Maven could not fetch Kafka {KAFKA_VERSION}; is a Maven repository reachable from "
            f"here?  It said:\n{failed}"
        )


@contextmanager
def _locked(path: Path, aborted: Callable[[], bool]) -> Iterator[None]:
    """Hold a lock between processes; the kernel frees it with the process."""
    with path.open("w") as file:
        if not wait(lambda: _lock(file), timeout_s=MAVEN_TIMEOUT_S, aborted=aborted):
            raise ConfigurationError(
                f"another process has been fetching Kafka's jars for {MAVEN_TIMEOUT_S:g} s; "
                f"end it, or remove {path}"
            )
        yield


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
