"""Calls by SIPp, a caller we did not write (Debian's sip-tester)."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

SCENARIOS: Final = Path(__file__).parent / "scenarios"
TIMEOUT_S: Final = 90


def sipp(
    server: str,
    scenario: str,
    *,
    folder: Path,
    service: str = "1001",
    calls: int = 1,
    transport: str = "u1",
    expect: int = 0,
    **keys: str,
) -> str:
    """Run a scenario of this folder against a server; returns SIPp's error log.

    `{NAME}` in a scenario is replaced by the keyword `name`; SIPp's own `[service]` is `service`.
    """
    program = shutil.which("sipp")
    assert program is not None, "SIPp is missing: apt install sip-tester"
    text = (SCENARIOS / f"{scenario}.xml").read_text()
    for key, value in keys.items():
        text = text.replace(f"{{{key.upper()}}}", value)
    file = folder / f"{scenario}.xml"
    file.write_text(text)
    errors = folder / f"{scenario}-errors.log"
    errors.unlink(missing_ok=True)
    done = subprocess.run(
        [
            program, server, "-sf", str(file), "-s", service, "-i", "127.0.0.1", "-m", str(calls), "-t", transport,
            "-nostdin", "-trace_err", "-error_file", str(errors), "-timeout", str(TIMEOUT_S), "-timeout_error",
        ],
        cwd=folder, capture_output=True, timeout=TIMEOUT_S + 10, check=False,
    )  # fmt: skip
    log = errors.read_text() if errors.exists() else ""
    assert done.returncode == expect, f"SIPp ended with {done.returncode}:\n{log}\n{done.stdout.decode()[-2000:]}"
    return log
