"""The list of models in the report and the read-me agrees with the order in which it stands."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from kanlab.export import model_list
from kanlab.kan.search_space import Cell
from kanlab.selection.candidates import Candidate
from kanlab.stats.metrics import Scores
from kanlab.study.trials import CompletedTrial


def network(number: int, n_params: float, aicc: float, spent: float | None, of_spent: float | None) -> Candidate:
    scores = Scores(
        n_params,
        1.0,
        aicc=aicc,
        rmse_train=2.0,
        rmse_test=3.5 + number,
        n_params_effective=spent,
        aicc_effective=of_spent,
    )
    trial = CompletedTrial(number, "complete", Cell(1, 2, 1), scores, 0.1, "converged")
    return Candidate(f"trial {number}", "kan", trial, scores)


def exported(*ranked: Candidate) -> Any:
    return SimpleNamespace(
        found=SimpleNamespace(ranked=ranked), errors={"RMSE train": "rmse_train", "RMSE test": "rmse_test"}
    )


RIDGE = Candidate("ridge", "ridge", None, Scores(7.25, 1.0, aicc=950.0, rmse_train=2.5, rmse_test=None))


def test_the_distance_is_from_the_first_one_by_what_networks_are_ranked_by() -> None:
    made = model_list.columns(
        exported(network(3, 133, 1063.43, 97.5, 923.51), RIDGE, network(4, 88, 999.79, 69.7, 950.5))
    )
    assert made["AICc"] == ["1,063.43", "950.00", "999.79"]
    assert made["AICc of effective K"] == ["923.51", "950.00", "950.50"]
    assert made["ΔAICc"] == ["0.00", "26.49", "26.99"]
    assert made["K"] == ["133.0", "7.2", "88.0"]
    assert made["effective K"] == ["97.5", "7.2", "69.7"]
    assert made["RMSE train"] == ["2.000", "2.500", "2.000"]  # not 2 and 2.5
    assert made["RMSE test"] == ["6.500", "—", "7.500"]


def test_without_effective_k_its_columns_are_not_there() -> None:
    made = model_list.columns(exported(network(0, 30, -20.0, None, None), network(1, 40, -12.5, None, None)))
    assert list(made) == ["model", "K", "AICc", "ΔAICc", "RMSE train", "RMSE test"]
    assert made["ΔAICc"] == ["0.00", "7.50"]
    assert made["K"] == ["30", "40"]
    assert model_list.columns(exported())["model"] == []
