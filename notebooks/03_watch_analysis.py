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
# # 3. Where the watch model is wrong
#
# False positives and false negatives with their reasons, the slices where the model is worse than overall, what it goes
# by, and what more labels would be worth.

# %%
import polars as pl

from reel_driver.operations import know
from reel_driver.train import TrainConfig

MODEL: str | None = None  # a pipeline of the menu; None for the champion's
SEARCH = False

work = know.own_or_starter()

# %%
found = know.examine_model(work, MODEL, TrainConfig(search=SEARCH))
{name: round(m["value"], 3) for name, m in found.evaluation["metrics"].items()}

# %% [markdown]
# ## Thresholds and their costs

# %%
pl.DataFrame(found.thresholds)

# %% [markdown]
# ## Wasted evenings, most surprising first

# %%
errors = ("title", "year", "probability", "reasons_for", "reasons_against", "correct", "keep_out")
pl.DataFrame([{k: getattr(m, k) for k in errors} for m in found.false_positives])

# %% [markdown]
# ## Missed titles, most surprising first

# %%
pl.DataFrame([{k: getattr(m, k) for k in errors} for m in found.false_negatives])

# %% [markdown]
# ## Where it is worse than overall

# %%
pl.DataFrame(found.slices)

# %% [markdown]
# ## What it goes by

# %%
pl.DataFrame([{"field": e.field, "weight": e.weight, "share": e.share} for e in found.effects])

# %% [markdown]
# ## What more labels are worth

# %%
print(
    f"20 more labels: {found.twenty_more:+.4f} average precision" if found.twenty_more is not None else "too few labels"
)
pl.DataFrame(found.learning)

# %% [markdown]
# ## The page with all pictures

# %%
from reel_driver.report import model_page  # noqa: E402

print(know.save_page(work, "03_watch_analysis", model_page(found)))

# %%
work.store.close()
