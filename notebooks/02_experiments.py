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
# # 2. Experiments
#
# Every pipeline of the menu on the same labels and folds, out of fold, beside its baselines. Add one in `tasks.py` and it
# appears here.

# %%
import polars as pl

from reel_driver.operations import know, learn
from reel_driver.tasks import WATCH
from reel_driver.train import TrainConfig

SEARCH = False  # True tries each learner's declared grid inside each fold: slower, and what `reel train` does

work = know.own_or_starter()

# %%
cards = {name: learn.evaluate(work, name, TrainConfig(search=SEARCH)) for name in WATCH}

# %% [markdown]
# ## Metrics with their 95 % intervals

# %%
pl.DataFrame(
    [
        {"pipeline": name, "metric": metric, **{k: round(v, 4) for k, v in value.items()}}
        for name, card in cards.items()
        for metric, value in card["metrics"].items()
    ]
)

# %% [markdown]
# ## The baselines to beat

# %%
any_card = next(iter(cards.values()))
pl.DataFrame([{"baseline": name, **metrics} for name, metrics in any_card["baselines"].items()])

# %% [markdown]
# ## What each would do at its own threshold

# %%
pl.DataFrame(
    [
        {"pipeline": name, "threshold": card["threshold"], **card["confusion"], "seconds": card["seconds"]}
        for name, card in cards.items()
    ]
)

# %%
work.store.close()
