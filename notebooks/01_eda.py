# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # 1. What is in the data
#
# The catalogue and the labels of your profile, looked at with `reel_driver.explore`. Without labels of your own the
# starter catalogue and its invented person stand in. Set `TABLE` to look at any CSV, Parquet or JSON file instead.

# %%
from pathlib import Path

import polars as pl

from reel_driver.operations import know

TABLE: Path | None = None

work = know.own_or_starter()

# %%
found = know.explore(work, TABLE)
print(f"{found.source}: {found.n_rows:,} rows, {found.n_columns} columns")
print(found.target)

# %% [markdown]
# ## What stands out

# %%
pl.DataFrame([{"level": f.level, "topic": f.topic, "fact": f.fact, "advice": f.advice} for f in found.findings])

# %% [markdown]
# ## The flow chart, decision by decision

# %%
pl.DataFrame(
    [
        {"column": c.name, "is a": c.role, "step": d.step, "answer": d.answer, "fact": d.fact, "advice": d.advice}
        for c in found.columns
        for d in c.decisions
    ]
)

# %% [markdown]
# ## What goes with the target

# %%
pl.DataFrame([{"column": m.column, "measure": m.measure, "value": m.value} for m in found.links])

# %% [markdown]
# ## Genres and languages, by count and by share watched

# %%
pl.DataFrame(
    [
        {"column": c.name, "name": b.name, "n": b.n, "watched": b.target, "lower": b.lower, "upper": b.upper}
        for c in found.columns
        if c.bars and c.name in ("genre", "original_language")
        for b in c.bars.bars
    ],
    schema_overrides={"watched": pl.Float64, "lower": pl.Float64, "upper": pl.Float64},
)

# %% [markdown]
# ## The page with all pictures

# %%
from reel_driver.report import explore_page  # noqa: E402

page = explore_page(found)
print(know.save_page(work, "01_eda", page))

# %%
work.store.close()
