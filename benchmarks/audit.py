"""Known vulnerabilities of the packages that are installed, by pip-audit: `make audit`.

Local versions are dropped (torch 2.13.0+cpu is asked about as 2.13.0), since the database does not know them. Exits with 0 only
where every package was looked up and none has a known vulnerability.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib.metadata import distributions
from pathlib import Path

COMMAND = ["-m", "pip_audit", "--no-deps", "--disable-pip", "--format=json", "--progress-spinner=off", "-r"]


def installed() -> list[str]:
    """Every package beside kanlab, one requirement each."""
    found = {d.metadata["Name"]: d.version.partition("+")[0] for d in distributions()}
    return sorted(f"{name}=={version}" for name, version in found.items() if name != "kanlab")


def verdict(report: str, trouble: str) -> tuple[int, list[str]]:
    """The exit code, and what there is to say. report: pip-audit's JSON.  trouble: what else it said.

    >>> verdict('{"dependencies": [{"name": "numpy", "version": "2.4.6", "vulns": []}]}', "")
    (0, ['1 package has no known vulnerability.'])
    """
    try:
        packages = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        reason = (trouble.strip().splitlines() or ["pip-audit said nothing"])[-1].rstrip(".")
        return 2, [f"The packages could not be audited: {reason[:300]}."]
    said = [
        f"{p['name']} {p['version']} is vulnerable ({v['id']}); mended in {', '.join(v['fix_versions']) or 'no version yet'}."
        for p in packages
        for v in p.get("vulns", [])
    ]
    skipped = [p["name"] for p in packages if "skip_reason" in p]
    if skipped:
        more = f" and {len(skipped) - 8} more" if len(skipped) > 8 else ""
        said.append(f"These packages could not be audited: {', '.join(skipped[:8])}{more}.")
    if not packages:
        return 2, ["The packages could not be audited: none was found."]
    count = "1 package has" if len(packages) == 1 else f"{len(packages)} packages have"
    return (1, said) if said else (0, [f"{count} no known vulnerability."])


def main() -> int:
    """Ask pip-audit."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "installed.txt")
        listed.write_text("\n".join(installed()) + "\n", encoding="utf-8")
        done = subprocess.run([sys.executable, *COMMAND, str(listed)], capture_output=True, text=True, check=False)
    code, said = verdict(done.stdout, done.stderr)
    print(*said, sep="\n", file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
