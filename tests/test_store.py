"""What a store promises, whichever database keeps it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from reel_driver.domain import Label, Verdict
from reel_driver.errors import DiskError, FileMissing, FileUnreadable, NotFound, ValueRefused
from reel_driver.schema import CATALOGUE_SCHEMA, LABEL_SCHEMA, SCORE_SCHEMA, TITLE_SCHEMA, conform
from reel_driver.store import Store


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    return conform(pl.DataFrame(rows, infer_schema_length=None), TITLE_SCHEMA)


HEAT = {"imdb_id": "tt0113277", "tmdb_id": 949, "kind": "movie", "title": "Heat", "release_year": 1995, "runtime": 170}
FARGO = {"tmdb_id": 275, "kind": "movie", "title": "Fargo", "release_year": 1996, "genre": ["Crime", "Drama"]}
FARGO_SHOW = {"tmdb_id": 60622, "kind": "show", "title": "Fargo", "release_year": 2014}
ALIEN = {"kind": "movie", "title": "Alien", "release_year": 1979, "release_date": date(1979, 5, 25)}
ALL = (HEAT, FARGO, FARGO_SHOW, ALIEN)


def label(title_id: int, verdict: str | None, source: str = "cli", by: str = "person") -> Label:
    return Label(title_id, None if verdict is None else Verdict(verdict), source, by)


def test_titles_come_back_as_they_went_in(store: Store) -> None:
    given = frame(
        {
            **HEAT,
            "genre": ['Action "and" more', "Crime"],
            "production_companies": ["Société, d’Art", "☂"],
            "overview": "Two lines,\nand a quote \" and 'one'; a back\\slash\ttab",
            "release_date": date(1995, 12, 15),
            "tmdb_rating": 7.917,
            "budget": 60_000_000,
            "cast": [],
            "tagline": "",
        },
        FARGO,
    )

    counts = store.upsert_titles(given, source="test")

    assert (counts.taken, counts.updated, counts.unchanged) == (2, 0, 0)
    back = store.titles()
    assert back.schema == CATALOGUE_SCHEMA
    expected = given.with_columns(pl.lit(None, dtype=pl.List(pl.String)).alias("cast"), tagline=pl.lit(None, pl.String))
    assert back.drop("title_id").equals(expected.select(TITLE_SCHEMA.names()))
    assert back["title_id"].to_list() == counts.title_ids.to_list()


def test_the_same_titles_again_change_nothing(store: Store) -> None:
    first = store.upsert_titles(frame(*ALL), source="test")
    again = store.upsert_titles(frame(*ALL), source="test")

    assert (again.taken, again.updated, again.unchanged) == (0, 0, 4)
    assert again.title_ids.to_list() == first.title_ids.to_list()
    assert store.n_titles_by_kind() == {"movie": 3, "show": 1}


def test_an_update_adds_what_it_knows_and_empties_nothing(store: Store) -> None:
    store.upsert_titles(frame(*ALL), source="one")

    counts = store.upsert_titles(
        frame(
            {"imdb_id": "tt0113277", "tmdb_rating": 7.9},
            {"tmdb_id": 275, "kind": "movie", "imdb_id": "tt0116282"},
            {"title": "ALIEN!", "release_year": 1979, "tmdb_id": 348},
        ),
        source="two",
    )

    assert (counts.taken, counts.updated) == (0, 3)
    heat = store.find_title("tt0113277")
    assert (heat["runtime"], heat["tmdb_rating"], heat["title"]) == (170, 7.9, "Heat")
    assert store.find_title("tt0116282")["title"] == "Fargo"
    assert store.find_title("tmdb:movie:348")["title_id"] == counts.title_ids[2]


def test_ids_that_contradict_each_other_are_different_titles(store: Store) -> None:
    store.upsert_titles(frame(HEAT), source="one")

    counts = store.upsert_titles(frame({**HEAT, "imdb_id": "tt9999999", "tmdb_id": 1}), source="two")

    assert counts.taken == 1
    assert store.n_titles() == 2


def test_a_movie_and_a_show_may_share_a_tmdb_id_and_a_name(store: Store) -> None:
    movie = {"tmdb_id": 5, "kind": "movie", "title": "Fargo", "release_year": 2014}

    counts = store.upsert_titles(frame(movie, {**movie, "kind": "show"}), source="test")

    assert counts.taken == 2


def test_seasons_are_titles_of_their_own(store: Store) -> None:
    show = {"imdb_id": "tt2802850", "kind": "show", "title": "Fargo", "release_year": 2014}

    counts = store.upsert_titles(frame(show, {**show, "season": 1}, {**show, "season": 1, "episode": 2}), source="test")

    assert counts.taken == 3
    assert store.find_title("fargo")["season"] is None


def test_two_films_of_one_name_and_year_in_one_source_stay_two(store: Store) -> None:
    other = {**ALIEN, "release_date": date(1979, 11, 2)}

    first = store.upsert_titles(frame(ALIEN, other), source="test")
    again = store.upsert_titles(frame(other, ALIEN), source="test")

    assert first.taken == 2
    assert again.unchanged == 2
    assert again.title_ids.to_list() == first.title_ids.to_list()[::-1]


def test_of_repeated_rows_the_last_one_wins(store: Store) -> None:
    counts = store.upsert_titles(frame(HEAT, {**HEAT, "runtime": 171}), source="test")

    assert (counts.taken, counts.repeated) == (1, 1)
    assert counts.title_ids[0] == counts.title_ids[1]
    assert store.find_title("heat")["runtime"] == 171


def test_two_rows_with_different_ids_do_not_both_become_one_known_title(store: Store) -> None:
    store.upsert_titles(frame({"title": "Heat", "release_year": 1995}), source="one")

    counts = store.upsert_titles(frame(HEAT, {**HEAT, "imdb_id": "tt9999999", "tmdb_id": 1}), source="two")

    assert (counts.taken, counts.updated) == (1, 1)
    assert counts.title_ids.n_unique() == 2


def test_a_row_that_names_nothing_known_is_left_without_a_number(store: Store) -> None:
    counts = store.upsert_titles(frame({"imdb_id": "tt9999999"}, HEAT), source="test")

    assert counts.unknown == 1
    assert counts.title_ids[0] is None
    assert store.n_titles() == 1


def test_a_name_without_a_year_means_the_only_title_of_that_name(store: Store) -> None:
    store.upsert_titles(frame(*ALL), source="one")

    counts = store.upsert_titles(frame({"title": "alien", "runtime": 117}), source="two")

    assert (counts.taken, counts.updated) == (0, 1)


def test_titles_are_read_in_batches_and_by_column(store: Store) -> None:
    store.upsert_titles(frame(*ALL), source="test")

    batches = list(store.iter_titles(["title", "genre", "title_id"], batch_size=3))

    assert [len(batch) for batch in batches] == [3, 1]
    assert batches[0].columns == ["title", "genre", "title_id"]
    assert store.titles(["title"], kind="show")["title"].to_list() == ["Fargo"]
    assert store.titles(title_ids=[2, 99])["title"].to_list() == ["Fargo"]
    assert store.titles(title_ids=[]).schema == CATALOGUE_SCHEMA


@pytest.mark.parametrize(
    "ref", ["tt0113277", "TT0113277", "tmdb:949", "tmdb:movie:949", "#1", "heat", " HEAT (1995) ", "Heat!"]
)
def test_a_title_is_found_by_whatever_a_person_calls_it(sqlite_store: Store, ref: str) -> None:
    sqlite_store.upsert_titles(frame(*ALL), source="test")

    assert sqlite_store.find_title(ref)["imdb_id"] == "tt0113277"


def test_a_title_that_is_not_there_is_answered_with_near_ones(store: Store) -> None:
    store.upsert_titles(frame(*ALL), source="test")

    with pytest.raises(NotFound, match=r"did you mean Alien \(1979, movie\) #4"):
        store.find_title("Aliens (1986)")
    with pytest.raises(NotFound, match="tt1111111"):
        store.find_title("tt1111111")


def test_a_name_of_several_titles_is_answered_with_all_of_them(store: Store) -> None:
    store.upsert_titles(frame(*ALL), source="test")

    with pytest.raises(NotFound, match=r"several.*Fargo \(1996, movie\) #2, Fargo \(2014, show\) #3"):
        store.find_title("fargo")
    assert store.find_title("Fargo (2014)")["kind"] == "show"


def test_the_latest_word_on_a_title_counts_and_the_history_stays(store: Store) -> None:
    store.upsert_titles(frame(*ALL), source="test")

    first = store.add_labels("ada", [label(1, "would_watch"), label(2, "would_not_watch")])
    again = store.add_labels("ada", [label(1, "would_watch_again"), label(2, "would_not_watch")])

    assert (first.taken, first.updated) == (2, 0)
    assert (again.taken, again.updated, again.unchanged) == (0, 1, 1)
    assert store.labels("ada").schema == LABEL_SCHEMA
    assert store.labels("ada")["verdict"].to_list() == ["would_watch_again", "would_not_watch"]
    assert store.label_history("ada", 1)["verdict"].to_list() == ["would_watch", "would_watch_again"]


def test_a_word_can_be_taken_back_reviewed_set_aside_and_each_undone(store: Store) -> None:
    store.upsert_titles(frame(*ALL), source="test")
    store.add_labels("ada", [label(1, "would_watch", by="model")])

    store.review_label("ada", 1)
    reviewed = store.labels("ada").row(0, named=True)
    store.mark_anomalous("ada", 1)
    anomalous = store.labels("ada").row(0, named=True)
    store.revert_label("ada", 1)
    undone = store.labels("ada").row(0, named=True)
    store.unset_label("ada", 1)
    gone = store.labels("ada")
    store.revert_label("ada", 1)

    assert (reviewed["is_reviewed"], reviewed["decided_by"]) == (True, "person")
    assert (anomalous["is_anomalous"], undone["is_anomalous"], undone["is_reviewed"]) == (True, False, True)
    assert gone.is_empty()
    assert store.labels("ada")["verdict"].to_list() == ["would_watch"]
    assert len(store.label_history("ada", 1)) == 6


def test_an_earlier_models_outcome_never_displaces_a_persons_word(store: Store) -> None:
    store.upsert_titles(frame(*ALL), source="test")
    store.add_labels("ada", [label(1, "would_watch")])

    counts = store.add_labels("ada", [label(1, "would_not_watch", "atp", "model")], is_import=True)

    assert counts.unchanged == 1
    assert store.labels("ada")["verdict"].to_list() == ["would_watch"]


def test_a_file_that_is_imported_again_does_not_undo_what_was_said_since(store: Store) -> None:
    store.upsert_titles(frame(*ALL), source="test")
    store.add_labels("ada", [label(1, "would_watch", "mine.csv")], is_import=True)
    store.add_labels("ada", [label(1, "would_not_watch")])

    again = store.add_labels("ada", [label(1, "would_watch", "mine.csv")], is_import=True)
    changed = store.add_labels("ada", [label(1, "would_watch_again", "mine.csv")], is_import=True)

    assert (again.unchanged, changed.updated) == (1, 1)
    assert store.labels("ada")["verdict"].to_list() == ["would_watch_again"]


def test_labels_of_unknown_titles_and_verdicts_are_refused_whole(store: Store) -> None:
    store.upsert_titles(frame(HEAT), source="test")

    with pytest.raises(NotFound, match="#77"):
        store.add_labels("ada", [label(1, "would_watch"), label(77, "would_watch")])
    with pytest.raises(ValueRefused, match="maybe"):
        store.add_labels("ada", pl.DataFrame({"title_id": [1], "verdict": ["maybe"]}))
    assert store.labels("ada").is_empty()


def test_profiles_keep_their_words_apart(store: Store) -> None:
    store.upsert_titles(frame(*ALL), source="test")
    store.ensure_profile("ada", "likes heists")
    store.add_labels("ada", [label(1, "would_watch")])
    store.add_labels("bob", [label(1, "would_not_watch")])

    assert [(p.name, p.about) for p in store.profiles()] == [("ada", "likes heists"), ("bob", "")]
    assert store.labels("ada")["verdict"].to_list() == ["would_watch"]
    with pytest.raises(NotFound, match="eve"):
        store.labels("eve")


def test_the_fingerprint_changes_with_labels_and_labelled_titles_only(store: Store) -> None:
    store.upsert_titles(frame(*ALL), source="test")
    store.add_labels("ada", [label(1, "would_watch")])
    before = store.fingerprint("ada")

    store.add_labels("ada", [label(1, "would_watch", "elsewhere")])
    store.upsert_titles(frame({**ALIEN, "runtime": 117}), source="test")
    same = store.fingerprint("ada")
    store.upsert_titles(frame({**HEAT, "tmdb_votes": 7000}), source="test")
    other_title = store.fingerprint("ada")
    store.add_labels("ada", [label(2, "would_not_watch")])

    assert before == same
    assert len({before, other_title, store.fingerprint("ada")}) == 3


def test_a_fix_stands_against_imports_until_it_is_undone(store: Store) -> None:
    store.upsert_titles(frame(*ALL), source="test")

    fix = store.fix_title(1, "title", "Heat: The Film")
    genres = store.fix_title(1, "genre", "Crime|Thriller")
    store.upsert_titles(frame({**HEAT, "genre": ["Drama"], "runtime": 171}), source="test")
    mended = store.find_title("#1")
    store.revert_fix(fix)
    store.revert_fix(genres)
    back = store.find_title("heat")

    assert (mended["title"], mended["genre"], mended["runtime"]) == ("Heat: The Film", ["Crime", "Thriller"], 171)
    assert (back["title"], back["genre"]) == ("Heat", None)
    assert [f["field"] for f in store.title_fixes()] == ["title", "genre"]
    with pytest.raises(NotFound, match="fix that stands"):
        store.revert_fix(fix)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("release_year", "19995"),
        ("runtime", "long"),
        ("kind", "opera"),
        ("imdb_id", "113277"),
        ("title", ""),
        ("genre", "x" * 21),
    ],
)
def test_a_fix_that_the_field_cannot_hold_is_refused(sqlite_store: Store, field: str, value: str) -> None:
    sqlite_store.upsert_titles(frame(HEAT), source="test")

    with pytest.raises(ValueRefused, match=field):
        sqlite_store.fix_title(1, field, value)
    assert sqlite_store.title_fixes() == []


def scored(*rows: tuple[int, float]) -> pl.DataFrame:
    return pl.DataFrame(
        {"title_id": [r[0] for r in rows], "score": [r[1] for r in rows]},
        schema={"title_id": pl.Int64, "score": pl.Float64},
    ).with_columns(lower=pl.col("score") - 0.1, upper=pl.col("score") + 0.1, is_extrapolated=pl.col("title_id") == 3)


def test_scores_are_replaced_whole_and_come_the_best_first(store: Store) -> None:
    store.upsert_titles(frame(*ALL), source="test")
    store.write_scores("ada", "b1", [scored((1, 0.2), (2, 0.9)), scored((3, 0.5))])
    store.write_scores("ada", "b2", iter([scored((1, 0.8), (2, 0.4)), scored((3, 0.5), (4, float("nan")))]))

    assert store.scored_by("ada") == "b2"
    assert store.scores("ada").schema == SCORE_SCHEMA
    assert store.scores("ada")["title_id"].to_list() == [1, 3, 2]
    assert store.scores("ada")["is_extrapolated"].to_list() == [False, True, False]


def test_the_top_leaves_out_what_was_labelled_or_seen_and_what_does_not_fit(store: Store) -> None:
    titles = [
        {**HEAT, "genre": ["Crime"], "original_language": "en"},
        {**FARGO, "runtime": 98, "original_language": "en"},
        {**FARGO_SHOW, "original_language": "en"},
        {**ALIEN, "original_language": "fr", "runtime": 117, "genre": ["Horror"]},
    ]
    store.upsert_titles(frame(*titles), source="test")
    store.write_scores("ada", "b1", [scored((1, 0.9), (2, 0.8), (3, 0.7), (4, 0.6))])
    store.write_scores("bob", "b1", [scored((4, 0.9))])

    def top(**asked: object) -> list[int]:
        return store.top_scores("ada", limit=10, **asked)["title_id"].to_list()  # type: ignore[arg-type]

    assert top() == [1, 2, 3, 4]
    assert top(kind="show") == [3]
    assert top(genre="crime") == [1, 2]
    assert top(genre="cri") == []
    assert top(language="FR") == [4]
    assert top(max_minutes=120) == [2, 4]
    store.add_labels("ada", [label(1, "would_watch"), label(2, "would_watch")])
    store.unset_label("ada", 2)
    store.mark_seen("ada", [4])
    assert top() == [2, 3]
    assert top(exclude_labelled=False) == [1, 2, 3]
    assert top(exclude_seen=False) == [2, 3, 4]
    assert store.top_scores("ada", limit=1)["score"].to_list() == [0.8]


def test_seen_titles_are_noted_once_and_can_be_unmarked(store: Store) -> None:
    store.upsert_titles(frame(*ALL), source="test")

    assert store.mark_seen("ada", [1, 2, 2]) == 2
    assert store.mark_seen("ada", [2, 3]) == 1
    assert store.unmark_seen("ada", [1, 4]) == 1
    assert store.seen("ada") == {2, 3}


def test_what_fails_halfway_leaves_nothing_behind(store: Store) -> None:
    def halfway() -> None:
        with store.transaction():
            store.upsert_titles(frame(HEAT), source="test")
            store.add_labels("ada", [label(1, "would_watch")])
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        halfway()
    assert store.n_titles() == 0
    assert store.profiles() == []


def fill(store: Store) -> None:
    store.upsert_titles(
        frame(*ALL, {**HEAT, "imdb_id": "tt0000001", "tmdb_id": 1, "overview": 'ü\n"x"'}), source="test"
    )
    store.ensure_profile("ada", "likes heists")
    store.add_labels("ada", [label(1, "would_watch"), label(2, "would_not_watch")])
    store.unset_label("ada", 2)
    store.mark_seen("ada", [3])
    store.write_scores("ada", "b1", [scored((1, 0.9), (2, 0.8))])
    store.fix_title(2, "runtime", 98)


def everything(store: Store) -> tuple[object, ...]:
    history = pl.concat([store.label_history("ada", title_id) for title_id in (1, 2)])
    fixes = [{k: v for k, v in fix.items() if not k.endswith("_at")} for fix in store.title_fixes()]
    tables = [store.titles(), history, store.scores("ada")]
    return *[t.to_dicts() for t in tables], store.profiles(), store.seen("ada"), fixes, store.scored_by("ada")


def test_a_backup_brings_everything_back_into_either_database(store: Store, tmp_path: Path) -> None:
    fill(store)
    before = everything(store)
    counts = store.backup(tmp_path / "all.zip")

    with Store.open(f"sqlite:///{tmp_path}/other.sqlite") as other:
        other.upsert_titles(frame(ALIEN), source="swept away")
        assert other.restore(tmp_path / "all.zip") == counts
        assert everything(other) == before
        other.backup(tmp_path / "back.zip")
    store.restore(tmp_path / "back.zip")

    assert everything(store) == before
    store.upsert_titles(frame({"title": "New"}), source="test")
    store.add_labels("new", [label(3, "would_watch")])
    store.fix_title(3, "runtime", 53)


def test_a_damaged_or_newer_backup_is_refused_and_nothing_is_changed(store: Store, tmp_path: Path) -> None:
    fill(store)
    before = everything(store)
    good = tmp_path / "good.zip"
    store.backup(good)
    cut, flipped, newer, text = (tmp_path / name for name in ("cut.zip", "flipped.zip", "newer.zip", "text.zip"))
    content = good.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    middle = content.index(b"PAR1") + 200
    flipped.write_bytes(content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :])
    import zipfile

    with zipfile.ZipFile(newer, "w") as archive:
        archive.writestr("manifest.json", '{"format": 99, "schema": "9999", "members": {}, "rows": {}}')
    text.write_text("not a backup")

    for path in (cut, flipped, newer, text):
        with pytest.raises(FileUnreadable, match="nothing was changed") as refusal:
            store.restore(path)
        assert "\n" not in str(refusal.value)
    with pytest.raises(FileMissing):
        store.restore(tmp_path / "none.zip")
    assert everything(store) == before


def test_the_doctor_finds_nothing_in_a_sound_library(store: Store) -> None:
    store.upsert_titles(frame(*ALL), source="test")
    store.add_labels("ada", [label(1, "would_watch")])

    assert store.doctor() == []


def test_the_doctor_finds_what_does_not_hold_together(store: Store) -> None:
    store.upsert_titles(
        frame(
            HEAT,
            {**HEAT, "imdb_id": "tt0000001"},
            {"title": "Old", "release_year": 1860},
            {"title": "Long", "release_year": 2000, "runtime": 5000},
            {"title": "Odd", "release_year": 1990, "release_date": date(2005, 1, 1)},
            {"title": "Nobody's", "release_year": 1990, "tmdb_rating": 8.0, "tmdb_votes": 0},
        ),
        source="test",
    )
    store.ensure_profile("ada")
    store.write_scores("ada", "lost", [scored((1, 0.5), (99, 0.4))])

    found = {finding.what: finding for finding in store.doctor(known_bundles=["b1"])}

    for words in (
        "1 TMDB ids",
        "2 titles have a year",
        "1 titles are said to last",
        "TMDB rating by nobody",
        "1 scores speak",
        "gone",
    ):
        assert any(words in what for what in found), (words, list(found))
    assert all(finding.what_to_do for finding in found.values())
    assert any("#1 Heat (1995)" in finding.examples for finding in found.values())


def test_many_threads_may_write_at_once(store: Store) -> None:
    from concurrent.futures import ThreadPoolExecutor

    store.upsert_titles(pl.DataFrame({"title": [f"Title {n}" for n in range(40)]}), source="test")

    def work(title_id: int) -> None:
        store.add_labels("ada", [label(title_id, "would_watch")])
        store.mark_seen("ada", [title_id, 1])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(1, 41)))

    assert len(store.labels("ada")) == 40
    assert store.seen("ada") == set(range(1, 41))


def test_a_backup_that_cannot_be_written_leaves_the_earlier_one(store: Store, tmp_path: Path) -> None:
    fill(store)
    (tmp_path / "all.zip").mkdir()

    for path in (tmp_path / "no-such-folder" / "all.zip", tmp_path / "all.zip"):
        with pytest.raises(DiskError, match="untouched"):
            store.backup(path)

    assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".part")] == []
