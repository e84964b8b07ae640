"""Examples of the commands, shown by `kanlab COMMAND --help`. The tests run them in this order, in one folder."""

from __future__ import annotations

from kanlab.language import say

EXAMPLES: dict[str, tuple[str, ...]] = {
    "tune": (
        "kanlab tune patients.csv --target progression",
        "kanlab tune patients.csv --target progression --features age,bmi --neuron-num 1:3 --grid 2:5 --trials 6",
        "kanlab tune patients.csv --target better --task classification --positive yes --k 1:2 --trials 4",
        "zcat patients.csv.gz | kanlab tune - --target progression --study packed --trials 2",
        "kanlab tune --config kanlab.toml --seed 1",
    ),
    "validate": ("kanlab validate packed",),
    "show": ("kanlab show patients-1", "kanlab show patients-1 --json > patients.json"),
    "formula": (
        "kanlab formula patients-1 --minutes 0.05",
        "kanlab formula patients-1 --parts 0",
        "kanlab formula patients-1 --edit 0 --fix 0=150 --use recommended",
        'kanlab formula patients-1 --units "bmi=kg/m^2, age=years"',
    ),
    "studies": ("kanlab studies",),
    "predict": (
        "kanlab predict patients-1 new.csv -o predicted.csv",
        "kanlab predict patients-1 new.csv --family linear",
        "cat new.csv | kanlab predict patients-1 - > predicted.csv",
        "kanlab predict patients-1 new.csv --explain -o explained.csv",
    ),
    "explain": ("kanlab explain patients-1 new.csv --row 1", "kanlab explain patients-1 new.csv --json > why.json"),
    "interactions": (
        "kanlab interactions patients-1 --nulls 0",
        "kanlab interactions patients-1 --use predict --nulls 0 --json",
    ),
    "present": ("kanlab present patients-1 -o patients.html",),
    "export": (
        "kanlab export patients-1 -o bundle.zip",
        "kanlab export patients-1 --trial 0 -o bundle.zip",
        "kanlab export patients-1 --to model.sql",
        "kanlab export patients-1 --formula --to formula.js",
        "kanlab export bundle.zip --to model.c",
    ),
    "resume": ("kanlab resume patients-2 --trials 8",),
    "rerun": ("kanlab rerun packed --study again",),
    "rename": ("kanlab rename again copy",),
    "note": ("kanlab note copy 'looks right'",),
    "delete": ("kanlab delete copy --yes",),
    "doctor": ("kanlab doctor --port 8599",),
    "gc": ("kanlab gc --dry-run",),
    "completion": ("kanlab completion bash > kanlab.bash",),
}
ENDLESS: dict[str, tuple[str, ...]] = {  # until somebody ends them, or of a study that runs
    "tune": ("kanlab tune patients.csv --target progression --minutes 5 --fill --open",),
    "app": ("kanlab app", "kanlab app --study patients-1", "kanlab app --headless --port 8600 --base-path /kanlab"),
    "serve": ("kanlab serve bundle.zip", "kanlab serve bundle.zip --address 0.0.0.0 --port 8700"),
    "dashboard": ("kanlab dashboard --port 8081",),
    "pause": ("kanlab pause patients-1",),
    "stop": ("kanlab stop patients-1",),
}


def examples(command: str) -> str | None:
    """The end of a command's help."""
    lines = (*EXAMPLES.get(command, ()), *ENDLESS.get(command, ()))
    return "\n  ".join((say("examples:"), *lines)) if lines else None
