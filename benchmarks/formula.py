"""How often a search finds the function that a table was made with, and how well its formulas predict real tables.

    python benchmarks/formula.py functions feynman tables [--rows 1000 300] [--noise 0 0.01 0.1] [--out formula.jsonl]
    python benchmarks/formula.py functions --by kanlab operon gplearn pykan
    python benchmarks/formula.py tables --splits 2

One JSON object a line, as it is known; what the file holds already is not done again. *exact*: RMSE at most 1e-3 standard
deviations of y without noise, within the ranges and in the fifth beyond them; *structure*: the same after its free constants are
fitted to y without noise. The search is `kanlab.formulas.search.searched` with its default budget; other programs get the
processor seconds it took for the same table; pykan, which has no budget, is ended after them, and pykan60 after 60.
`tables` compares the recommended formula of small studies with their recommended network and with the formula of that network.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.formula_problems import SETS, Problem, drawn, fresh
from kanlab.arrays import Array
from kanlab.formulas.expression import Expression, complexity
from kanlab.formulas.fitting import fit
from kanlab.formulas.losses import SQUARES, Loss
from kanlab.formulas.options import FormulaOptions
from kanlab.formulas.program import outputs
from kanlab.formulas.search import searched

EXACT = 1e-3
_FAILED = {"inside": float("inf"), "outside": float("inf"), "exact": False}
Predict = Callable[[Array], Array]


def error(predict: Predict, X: Array, y: Array, sd: float) -> float:
    """RMSE in standard deviations; infinite where more than 2% of the rows have no value."""
    with np.errstate(all="ignore"):
        v = np.broadcast_to(np.asarray(predict(X), dtype=float), y.shape)
    bad = ~np.isfinite(v)
    if bad.mean() > 0.02:
        return float("inf")
    return float(np.sqrt(np.mean(np.where(bad, 10 * sd, v - y) ** 2)) / sd)


def judged(predict: Predict, problem: Problem, sd: float) -> dict[str, Any]:
    inside, beyond = (error(predict, *fresh(problem, 99, 4000, outside=o), sd) for o in (False, True))
    return {"inside": inside, "outside": beyond, "exact": inside <= EXACT and beyond <= EXACT}


def refitted(e: Expression, problem: Problem) -> Expression:
    """The free constants fitted to y without noise."""
    X, y = fresh(problem, 5, 600)
    return fit(e, np.ascontiguousarray(X.T), Loss.of(SQUARES, y), iterations=300).expression


def own(X: Array, y: Array, problem: Problem, sd: float) -> dict[str, Any]:
    began = time.process_time()
    e = searched(np.ascontiguousarray(X.T), Loss.of(SQUARES, y), FormulaOptions())[0]
    seconds = time.process_time() - began
    found = judged(lambda Z: outputs(e, Z), problem, sd)
    again = refitted(e, problem)
    structure = found["exact"] or judged(lambda Z: outputs(again, Z), problem, sd)["exact"]
    return found | {"structure": structure, "complexity": complexity(e), "seconds": round(seconds, 2)}


def operon(X: Array, y: Array, problem: Problem, sd: float, seconds: float) -> dict[str, Any]:
    """Searches of other seeds until the processor seconds are used: one of them often ends by itself long before.

    Its own limit of time is one of the clock, which says nothing on a machine that does other work too, so a search has the
    evaluations that the seconds left allow at the rate of the one before. Of several the shortest description of the training rows
    is taken, n ln(MSE) + ln n times the length.
    """
    from pyoperon.sklearn import SymbolicRegressor

    began, seed, evaluations, last = time.process_time(), 0, 50_000, time.process_time()
    best, lowest = None, float("inf")
    while best is None or time.process_time() - began < seconds:
        model = SymbolicRegressor(
            allowed_symbols="add,sub,mul,div,constant,variable,exp,log,sin,cos,sqrt,square,tanh,asin", max_length=30,
            max_evaluations=evaluations, generations=10**6, optimizer_iterations=10, n_threads=1, random_state=seed,
        )  # fmt: skip
        model.fit(X, y)
        mse = float(np.mean((np.nan_to_num(model.predict(X), nan=1e9) - y) ** 2))
        score = len(y) * np.log(mse + 1e-12 * sd**2) + np.log(len(y)) * model.stats_["model_length"]
        if best is None or score < lowest:
            best, lowest = model, score
        now = time.process_time()
        evaluations = max(1000, round(evaluations * (seconds - (now - began)) / max(now - last, 1e-3)))
        seed, last = seed + 1, now
    return judged(best.predict, problem, sd) | {"searches": seed, "seconds": round(time.process_time() - began, 2)}


def gplearn(X: Array, y: Array, problem: Problem, sd: float, seconds: float) -> dict[str, Any]:
    from gplearn.genetic import SymbolicRegressor

    functions = ("add", "sub", "mul", "div", "sqrt", "log", "sin", "cos", "inv", "neg")
    model = SymbolicRegressor(
        population_size=500,
        generations=1,
        function_set=functions,
        parsimony_coefficient=1e-4,
        random_state=0,
        warm_start=True,
    )
    began, generations = time.process_time(), 0
    while time.process_time() - began < seconds:
        generations += 1
        model.set_params(generations=generations)
        model.fit(X, y)
    return judged(model.predict, problem, sd) | {"seconds": round(time.process_time() - began, 2)}


def pykan(X: Array, y: Array, problem: Problem, sd: float, seconds: float) -> dict[str, Any]:
    """Stock pykan as its tutorial has it, in a process of its own that is ended after these seconds of the processor, rounded up;
    imports come on top.
    """
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe(duplex=False)

    def work() -> None:
        import kan  # noqa: F401  # and torch with it

        limit = math.ceil(seconds) + math.ceil(time.process_time())
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
        there.send(_pykan(X, y, problem, sd))

    process = fork.Process(target=work)
    process.start()
    there.close()
    try:
        found: dict[str, Any] = here.recv()
    except EOFError:
        process.join()
        spent = process.exitcode == -signal.SIGXCPU
        failed = f"more than {math.ceil(seconds)} s" if spent else f"ended with exit code {process.exitcode}"
        found = _FAILED | {"failed": failed, "seconds": math.ceil(seconds) if spent else None}
    process.join()
    return found


def pykan60(X: Array, y: Array, problem: Problem, sd: float, seconds: float) -> dict[str, Any]:
    """The same with a minute."""
    return pykan(X, y, problem, sd, 60.0)


def _pykan(X: Array, y: Array, problem: Problem, sd: float) -> dict[str, Any]:
    """Train, prune, train, `auto_symbolic`, train, in double precision: in single its own least squares fail now and then."""
    import contextlib
    import io
    import tempfile

    import torch
    from kan import KAN

    began = time.process_time()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    centre, scale = X.mean(axis=0), np.abs(X - X.mean(axis=0)).max(axis=0)

    def tensor(values: Array) -> Any:
        return torch.tensor(values, dtype=torch.float64)

    inputs, target = tensor((X - centre) / scale), tensor(y[:, None] / sd)
    table = {"train_input": inputs, "train_label": target, "test_input": inputs, "test_label": target}
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        tempfile.TemporaryDirectory() as folder,
    ):
        try:
            model = KAN(width=[X.shape[1], 3, 1], grid=3, k=3, seed=0, auto_save=False, ckpt_path=folder)
            model.fit(table, opt="LBFGS", steps=20, lamb=1e-3)
            model = model.prune()
            model.fit(table, opt="LBFGS", steps=20)
            library = ["x", "x^2", "x^3", "1/x", "exp", "log", "sqrt", "sin", "tanh", "abs"]
            model.auto_symbolic(lib=library, verbose=0)
            model.fit(table, opt="LBFGS", steps=20)
        except (ArithmeticError, LookupError, NameError, OSError, RuntimeError, TypeError, ValueError) as error:
            return _FAILED | {"failed": str(error)[:80], "seconds": round(time.process_time() - began, 2)}

        def predict(Z: Array) -> Array:
            with torch.no_grad():
                return sd * np.asarray(model(tensor((Z - centre) / scale)).numpy()[:, 0], dtype=float)

        return judged(predict, problem, sd) | {"seconds": round(time.process_time() - began, 2)}


OWN = "kanlab"
Known = dict[tuple[str, str, int, float, str], dict[str, Any]]
OTHERS: dict[str, Callable[..., dict[str, Any]]] = {
    "operon": operon,
    "gplearn": gplearn,
    "pykan": pykan,
    "pykan60": pykan60,
}


def of_functions(
    name: str, rows: list[int], noises: list[float], programs: list[str], known: Known, say: Callable[..., None]
) -> None:
    """What is known is not done again; other programs need that kanlab has been run on the same table, for its seconds."""
    for n in rows:
        for noise in noises:
            for number, (key, problem) in enumerate(SETS[name].items()):
                X, y, sd = drawn(problem, [0, number, n], n, noise)
                about = {"set": name, "function": key, "n": n, "noise": noise}
                for by in programs:
                    if (name, key, n, noise, by) in known:
                        continue
                    if by == OWN:
                        found = own(X, y, problem, sd)
                    else:
                        seconds = known[name, key, n, noise, OWN]["seconds"]
                        found = OTHERS[by](X, y, problem, sd, seconds) | {"share": seconds}
                    known[name, key, n, noise, by] = found
                    say(about | {"by": by} | found)


def tables() -> dict[str, tuple[Any, str]]:
    """Ten tables that come with scikit-learn, statsmodels and the tests, and the target of each."""
    import pandas as pd
    import statsmodels.api as sm
    from sklearn.datasets import load_diabetes

    sets = sm.datasets
    quarters = sets.macrodata.load_pandas().data[["realgdp", "realinv", "unemp", "infl", "tbilrate", "realcons"]]
    return {
        "diabetes": (load_diabetes(as_frame=True).frame, "target"),
        "mtcars": (pd.read_csv("tests/tables/mtcars.csv").select_dtypes("number"), "mpg"),
        "engel": (sets.engel.load_pandas().data, "foodexp"),
        "grunfeld": (sets.grunfeld.load_pandas().data[["invest", "value", "capital", "year"]], "invest"),
        "statecrime": (sets.statecrime.load_pandas().data.reset_index(drop=True), "murder"),
        "macrodata": (quarters, "realcons"),
        "ccard": (sets.ccard.load_pandas().data, "AVGEXP"),
        "star98": (sets.star98.load_pandas().data.iloc[:, [0, 2, 3, 4, 5, 6, 7]].astype(float), "NABOVE"),
        "strikes": (sets.strikes.load_pandas().data, "duration"),
        "cancer": (sets.cancer.load_pandas().data, "cancer"),
    }


def of_tables(splits: int, known: Known, say: Callable[..., None]) -> None:
    """RMSE on the test rows, all of it in this process.

    network: of the lowest AICc, which the search starts from beside the best ones of other numbers of nodes.  network_formula:
    that as a formula without a search.  front: of each formula complexity, held-out error, whether it is tied, score, test RMSE
    and origin, so that rules can be compared.
    """
    for name, (frame, target) in tables().items():
        for split in range(splits):
            if ("tables", name, split, 0.0, OWN) not in known:
                say({"table": name, "split": split} | of_table(frame, target, split))


def of_table(frame: Any, target: str, split: int) -> dict[str, Any]:
    from kanlab.data.dataset import Dataset
    from kanlab.execution.final_check import nested_below
    from kanlab.execution.in_memory import search
    from kanlab.explain.network_formula import formula_of
    from kanlab.formulas.parts import PARTS
    from kanlab.formulas.search import concluded, search_part
    from kanlab.formulas.selection import held_out_losses
    from kanlab.kan.edges import curves_of
    from kanlab.kan.search_space import SearchSpace
    from kanlab.study.spec import StudySpec
    from kanlab.study.trials import completed

    data = Dataset.from_frame(frame, target, seed=split)
    study = search(data, StudySpec(space=SearchSpace(neuron_num=(1, 3), grid=(2, 4), k=(3, 3))), average=False)
    ranked = sorted(completed(study.records), key=lambda r: (r.aicc, r.number))
    chosen = list({r.cell.neuron_num: r for r in reversed(ranked)}.values())[::-1]  # the best of each number of nodes
    chosen.sort(key=lambda r: (r.aicc, r.number))
    networks = [study.networks[r.cell, nested_below(study, r.cell, study.records), None, ()] for r in chosen]
    options, began = FormulaOptions(), time.process_time()
    candidates = [c for part in PARTS for c in search_part(data, part, networks, options)]
    found = concluded(data, [candidates], networks[0], options, count_sigma2=study.spec.count_sigma2)
    seconds = time.process_time() - began
    best, plain = found.formulas[found.recommended], formula_of(curves_of(networks[0], data.X_train), data)
    front = [
        {"complexity": f.complexity, "held_out": f.held_out, "held_out_se": f.held_out_se, "tied": f.tied,
         "score": f.score, "rmse_test": f.scores.rmse_test, "origin": f.origin, "breaks": f.breaks}
        for f in found.formulas
    ]  # fmt: skip
    return {
        "rows": data.rows, "features": data.d, "network": data.errors(networks[0].predict).rmse_test,
        "formula": best.scores.rmse_test, "network_formula": plain.rmse_test,
        "linear": next((b.rmse_test for b in study.baselines if b.family == "linear"), None),
        "complexity": best.complexity, "origin": best.origin, "seconds": round(seconds, 2),
        "network_held_out": float(held_out_losses(plain.found.expressions, data).mean()), "front": front,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", choices=[*SETS, "tables"])
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 300])
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0, 0.01, 0.1])
    parser.add_argument("--splits", type=int, default=2, help="of the rows of a table")
    parser.add_argument("--by", nargs="+", default=[OWN], choices=[OWN, *OTHERS])
    parser.add_argument("--out", default="formula.jsonl")
    arguments = parser.parse_args()

    known = Known()
    if Path(arguments.out).exists():
        for line in map(json.loads, Path(arguments.out).read_text(encoding="utf-8").splitlines()):
            if "function" in line:
                known[line["set"], line["function"], line["n"], line["noise"], line["by"]] = line
            else:
                known["tables", line["table"], line["split"], 0.0, OWN] = line

    def say(content: dict[str, Any]) -> None:
        with open(arguments.out, "a", encoding="utf-8") as file:
            file.write(json.dumps(content) + "\n")
        print(content, flush=True)

    for name in arguments.sets:
        if name == "tables":
            of_tables(arguments.splits, known, say)
        else:
            of_functions(name, arguments.rows, arguments.noise, arguments.by, known, say)


if __name__ == "__main__":
    main()
