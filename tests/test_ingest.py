"""What is read from files as they are in life, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from reel_driver.errors import ColumnsMissing, FileMissing, FileUnreadable, InputError, NothingToRead
from reel_driver.ingest import read_table
from reel_driver.schema import TITLE_SCHEMA, Problem
from reel_driver.store import Store, import_into

PLAIN = "title,release_year,label\nHeat,1995,would_watch\nAmélie,2001,would_not_watch\n"


def read(tmp_path: Path, content: str | bytes, name: str = "mine.csv") -> tuple[pl.DataFrame, list[Problem]]:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path)


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        b"\xef\xbb\xbf" + PLAIN.encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(),
        PLAIN.replace(",", "|").encode(),
        ("sep=;\r\n" + PLAIN.replace(",", ";")).encode(),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("cp1252"),
        ("\n\n" + PLAIN + "\n,,\n\n").encode(),
        PLAIN.replace("title", " Media Title ")
        .replace("release_year", "Release-Year")
        .replace("label", "LABEL")
        .encode(),
        PLAIN.replace("\n", ",,\n").encode(),
    ],
    ids=[
        "plain",
        "bom",
        "crlf",
        "cr",
        "semicolons",
        "tabs",
        "bars",
        "sep",
        "utf16",
        "utf16le",
        "cp1252",
        "blanks",
        "names",
        "trailing",
    ],
)
def test_a_table_of_text_is_read_whatever_it_is_parted_and_encoded_by(tmp_path: Path, content: bytes) -> None:
    frame, problems = read(tmp_path, content)

    assert problems == []
    assert frame["title"].to_list() == ["Heat", "Amélie"]
    assert frame["release_year"].to_list() == [1995, 2001]
    assert frame["verdict"].to_list() == ["would_watch", "would_not_watch"]
    assert pl.Schema({k: v for k, v in frame.schema.items() if k in TITLE_SCHEMA}) == TITLE_SCHEMA


def test_encodings_that_change_from_line_to_line_are_read_line_by_line(tmp_path: Path) -> None:
    content = b"title,release_year\n" + "Amélie,2001\n".encode() + "Léon,1994\n".encode("cp1252")

    frame, problems = read(tmp_path, content)

    assert (frame["title"].to_list(), problems) == (["Amélie", "Léon"], [])


def test_line_breaks_within_values_are_kept_and_lines_are_still_counted_right(tmp_path: Path) -> None:
    content = 'title,overview,label\nHeat,"One\rtwo\nthree",yes\nFargo,un\rquoted,no\nAlien,,perhaps\n'

    frame, problems = read(tmp_path, content)

    assert frame["overview"].to_list() == ["One\ntwo\nthree", "un\nquoted"]
    assert frame["line"].to_list() == [2, 4]
    assert [(p.line, p.column, p.value) for p in problems] == [(5, "label", "perhaps")]


def test_the_csv_of_nine_thousand_films_is_read_and_stored_whole_within_its_time(
    sqlite_store: Store, shared_data: Path
) -> None:
    path = shared_data / "tmdb-9000.csv"
    start = time.process_time()

    frame, problems = read_table(path)
    report = import_into(sqlite_store, frame, problems, profile="me", source=path.name)

    assert time.process_time() - start < 5
    assert (report.taken, report.rejected) == (9827, ())
    truth = pl.read_csv(path).with_columns(pl.col("Release_Date").str.to_date())
    assert frame["title"].to_list() == [title.strip() for title in truth["Title"]]
    assert frame["release_date"].to_list() == truth["Release_Date"].to_list()
    assert frame["release_year"].to_list() == truth["Release_Date"].dt.year().to_list()
    assert frame["genre"].list.join(", ").to_list() == truth["Genre"].to_list()
    rated = truth.select(pl.when((pl.col("Vote_Average") > 0) | (pl.col("Vote_Count") > 0)).then("Vote_Average"))
    assert frame["tmdb_rating"].to_list() == rated.to_series().to_list()
    again = import_into(sqlite_store, frame, problems, profile="me", source=path.name)
    assert (again.taken, again.updated, again.unchanged) == (0, 0, 9827)


def test_the_training_table_is_a_persons_labels(sqlite_store: Store, shared_data: Path) -> None:
    frame, problems = read_table(shared_data / "reel-driver" / "training.parquet")
    report = import_into(sqlite_store, frame, problems, profile="me", source="training.parquet")

    labels = sqlite_store.labels("me")
    assert (report.taken, report.labels.taken, report.rejected) == (3750, 3750, ())
    assert labels["verdict"].value_counts().sort("count")["count"].to_list() == [420, 3330]
    assert labels["decided_by"].unique().to_list() == ["person"]
    assert sqlite_store.n_titles_by_kind() == {"movie": 3705, "show": 45}
    assert sqlite_store.titles()["imdb_rating"].max() <= 10  # type: ignore[operator]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("would_watch", "would_watch"),
        ("Would Watch", "would_watch"),
        ("would-not-watch", "would_not_watch"),
        ("WOULD WATCH AGAIN", "would_watch_again"),
        ("0", "would_not_watch"),
        ("1", "would_watch"),
        ("2", "would_watch_again"),
        ("1.0", "would_watch"),
        ("yes", "would_watch"),
        ("No", "would_not_watch"),
        ("TRUE", "would_watch"),
        ("false", "would_not_watch"),
    ],
)
def test_a_label_is_understood_in_the_usual_spellings(tmp_path: Path, said: str, meant: str) -> None:
    frame, problems = read(tmp_path, f"title,label\nHeat,{said}\n")

    assert (frame["verdict"].to_list(), problems) == ([meant], [])


def test_a_label_nobody_knows_rejects_its_row_with_what_to_do(tmp_path: Path) -> None:
    frame, (problem,) = read(tmp_path, "title,verdict\nHeat,yes\nFargo,7\nAlien,\n")

    assert frame["title"].to_list() == ["Heat", "Alien"]
    assert frame["verdict"].to_list() == ["would_watch", None]
    assert str(problem) == (
        "mine.csv, line 3, verdict = '7': say would_not_watch, would_watch, would_watch_again (or 0, 1, 2, yes, no)."
    )


@pytest.mark.parametrize(
    ("texts", "dates"),
    [
        (["2021-12-15", "2021-12-15T00:00:00Z", "2021/12/15"], [date(2021, 12, 15)] * 3),
        (["15/12/2021", "3/4/22"], [date(2021, 12, 15), date(2022, 4, 3)]),
        (["12/15/2021", "3/4/22"], [date(2021, 12, 15), date(2022, 3, 4)]),
        (["15.12.2021", "3.4.1999"], [date(2021, 12, 15), date(1999, 4, 3)]),
        (["September 25, 2021", "Sep 25 2021", "25 September 2021"], [date(2021, 9, 25)] * 3),
        (["Dec-15-2021", "15-Dec-21"], [date(2021, 12, 15)] * 2),
        (["15/12/1921", "3/4/99"], [date(1921, 12, 15), date(1999, 4, 3)]),
        (["2021-02-30", "soon"], [None, None]),
    ],
)
def test_dates_are_read_as_the_column_writes_them(tmp_path: Path, texts: list[str], dates: list[date | None]) -> None:
    rows = "".join(f'T{n},"{text}"\n' for n, text in enumerate(texts))

    frame, problems = read(tmp_path, "title,release_date\n" + rows)

    assert frame["release_date"].to_list() == dates
    assert frame["release_year"].to_list() == [d and d.year for d in dates]
    assert not any(p.is_rejection for p in problems)


def test_a_column_that_does_not_tell_days_from_months_says_how_it_was_read(tmp_path: Path) -> None:
    frame, notes = read(tmp_path, "title,release_date\nHeat,3/4/95\n")

    assert frame["release_date"].to_list() == [date(1995, 3, 4)]
    assert "read as month first" in str(notes[0])
    assert "two digits" in str(notes[1])


@pytest.mark.parametrize(
    "text",
    ["Action, Drama", "Action|Drama", "Action; Drama", '["Action", "Drama"]', "['Action', 'Drama']", "{Action,Drama}",
     '[{"id": 28, "name": "Action"}, {"id": 18, "name": "Drama"}]', " Action , Drama, Action"],
)  # fmt: skip
def test_lists_are_read_in_the_usual_notations(tmp_path: Path, text: str) -> None:
    frame, problems = read(tmp_path, 'title,genres\nHeat,"' + text.replace('"', '""') + '"\n')

    assert (frame["genre"].to_list(), problems) == ([["Action", "Drama"]], [])


def test_the_imdb_rating_is_recognised_on_either_scale(tmp_path: Path) -> None:
    ten, _ = read(tmp_path, "title,imdb_rating\nHeat,8.3\nFargo,10\n")
    hundred, _ = read(tmp_path, "title,imdb_rating\nHeat,83.0\nFargo,9\n")

    assert ten["imdb_rating"].to_list() == [8.3, 10.0]
    assert hundred["imdb_rating"].to_list() == [8.3, 0.9]


def test_what_stands_for_unknown_is_unknown(tmp_path: Path) -> None:
    content = (
        "title,Vote_Average,Vote_Count,budget,revenue,runtime,metascore,tagline\n"
        "Heat,0,0,0,0,0,0,\nFargo,0,3,N/A,null,-,NaN,None\n"
    )

    frame, problems = read(tmp_path, content)

    assert problems == []
    assert frame["tmdb_rating"].to_list() == [None, 0.0]
    assert frame["tmdb_votes"].to_list() == [0, 3]
    for name in ("budget", "revenue", "runtime"):
        assert frame[name].to_list() == [None, None]
    assert frame["metascore"].to_list() == [0, None]
    assert frame["tagline"].to_list() == [None, "None"]


def test_languages_countries_and_kinds_are_read_by_code_or_name(tmp_path: Path) -> None:
    content = (
        "name,type,original_language,country\n"
        'Heat,Movie,English,"United States, France"\nDark,TV Show,de,DE\nOther,tvSeries,Klingon,"Narnia, UK"\nPack,tv_episode_pack,fra,USA\n'
    )

    frame, notes = read(tmp_path, content)

    assert frame["kind"].to_list() == ["movie", "show", "show", "show"]
    assert frame["original_language"].to_list() == ["en", "de", None, "fr"]
    assert frame["origin_country"].to_list() == [["US", "FR"], ["DE"], ["GB"], ["US"]]
    assert [(n.column, n.value, n.is_rejection) for n in notes] == [
        ("original_language", "Klingon", False),
        ("country", "Narnia, UK", False),
    ]


def test_a_value_that_would_make_a_wrong_title_rejects_its_row_and_any_other_is_left_out(tmp_path: Path) -> None:
    content = (
        "imdb_id,title,kind,release_year,runtime\n"
        "tt0113277,Heat,movie,1995,170\n"
        "nonsense,Fargo,movie,1996,98\n"
        ",Alien,opera,1979,117\n"
        ",Brazil,movie,19855,132\n"
        "tt0062622,2001,movie,19688,149\n"
        ",,movie,1990,100\n"
        ",Long,movie,1990,lots\n"
    )

    frame, problems = read(tmp_path, content)

    assert frame["title"].to_list() == ["Heat", "2001", "Long"]
    assert frame["release_year"].to_list() == [1995, None, 1990]
    assert [(p.line, p.column) for p in problems if p.is_rejection] == [
        (3, "imdb_id"), (4, "kind"), (5, "release_year"), (7, "title"),
    ]  # fmt: skip
    assert [(p.line, p.column) for p in problems if not p.is_rejection] == [(6, "release_year"), (8, "runtime")]


def test_broken_rows_are_rejected_and_the_others_are_read(tmp_path: Path) -> None:
    frame, problems = read(tmp_path, "title,release_year\nHeat,1995\nCrouching, Hidden,2000\nFargo\nAlien,1979\n")

    assert frame["title"].to_list() == ["Heat", "Alien"]
    assert [p.line for p in problems] == [3, 4]
    assert "3 values stand in 2 columns" in str(problems[0])


def test_imdb_ids_are_read_from_links_and_digits(tmp_path: Path) -> None:
    frame, _ = read(tmp_path, "const\ntt0113277\nhttps://www.imdb.com/title/tt0113277/?ref_=x\n113277\n")

    assert frame["imdb_id"].unique().to_list() == ["tt0113277"]


def test_json_lines_and_arrays_are_read_like_tables(tmp_path: Path) -> None:
    lines = '{"title": "Heat", "genre": ["Crime"], "label": 1}\n\n{"title": "Fargo", "runtime": 98, "label": true}\nnonsense\n'
    array = '[{"title": "Heat", "genre": ["Crime"], "label": 1}, {"title": "Fargo", "runtime": 98, "label": "yes"}, 7]'

    for name, content in (("a.jsonl", lines), ("a.json", array)):
        frame, (problem,) = read(tmp_path, content, name)
        assert frame["genre"].to_list() == [["Crime"], None]
        assert frame["runtime"].to_list() == [None, 98]
        assert frame["verdict"].to_list() == ["would_watch"] * 2
        assert problem.is_rejection


def test_parquet_is_read_with_its_types(tmp_path: Path) -> None:
    pl.DataFrame(
        {
            "Title": ["Heat"],
            "genre": [["Crime", None]],
            "Release_Date": [datetime(1995, 12, 15, tzinfo=UTC)],
            "runtime": [170.0],
            "anomalous": [True],
            "label": pl.Series(["would_watch"], dtype=pl.Categorical),
            "updated_at": [datetime(2025, 5, 19, tzinfo=UTC)],
        }
    ).write_parquet(tmp_path / "a.parquet")

    frame, problems = read_table(tmp_path / "a.parquet")

    row = frame.row(0, named=True)
    assert problems == []
    assert (row["genre"], row["release_date"], row["runtime"]) == (["Crime"], date(1995, 12, 15), 170)
    assert (row["verdict"], row["is_anomalous"]) == ("would_watch", True)
    assert row["labelled_at"] == datetime(2025, 5, 19, tzinfo=UTC)


TYPED = {
    "imdb_id": [
        "tt0000001",
        "TT0000002",
        " tt0000003 ",
        "https://www.imdb.com/title/tt0000004/",
        None,
        "tt5",
        "6.0",
        "n/a",
    ],
    "title": ["A", " B ", "C\0C", "D\r\nD", "\\N", "é" * 400, "y" * 600, ""],
    "production_status": ["Released", "x" * 26, "é" * 20, " ", None, "Planned", "-", "Released"],
    "genre": [["Drama"], ["Drama", "Drama"], [" War ", ""], [], None, ["sci-fi", "x" * 30], [None], ["Drama", None]],
    "origin_country": [["US"], ["us", "GB"], ["Nowhere land"], [], None, ["United States"], ["US", "US"], ["N/A"]],
    "tmdb_rating": [0.0, 0.0, 5.5, 11.0, float("nan"), None, -1.0, 12.0],
    "tmdb_votes": [0, 7, None, -3, 5, 6, 10**14, 8],
    "runtime": [0, 90, None, 10**6, 1, 2, 3, 4],
    "release_year": [1999, 1800, 3000, None, 2000, 2001, 2002, 2003],
}


@pytest.mark.parametrize("rows", [[0], [1], list(range(8)), [0, 4, 7], [3, 5], [2, 6]])
def test_a_typed_table_is_read_as_the_same_table_in_text(tmp_path: Path, rows: list[int]) -> None:
    typed = pl.DataFrame(TYPED)[rows]
    typed.write_parquet(tmp_path / "typed")
    typed.with_columns(pl.selectors.float().fill_nan(None)).write_ndjson(tmp_path / "text")
    (frame, problems), (same, others) = read_table(tmp_path / "typed"), read_table(tmp_path / "text")
    assert frame.equals(same)
    said = [(p.line, p.column, p.what_to_do) for p in problems]
    assert said == [(p.line, p.column, p.what_to_do) for p in others]


def test_only_flagged_labels_are_a_persons_where_there_are_flags(tmp_path: Path) -> None:
    content = "title,label,human_labeled,confirmed\nA,yes,true,false\nB,yes,f,t\nC,yes,false,\n"

    frame, _ = read(tmp_path, content)

    assert frame["decided_by"].to_list() == ["person", "person", "model"]
    assert frame["is_reviewed"].to_list() == [False, True, False]


@pytest.mark.parametrize(
    ("name", "content", "error", "words"),
    [
        ("empty.csv", b"", NothingToRead, "no rows"),
        ("blank.csv", b" \n\n \n", NothingToRead, "no rows"),
        ("header.csv", b"title,label\n", NothingToRead, "no rows"),
        ("other.csv", b"a,b\n1,2\n", ColumnsMissing, "title or imdb_id or tmdb_id"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", FileUnreadable, "not a table"),
        ("sheet.xlsx", b"PK\x03\x04rest", FileUnreadable, "spreadsheet"),
        ("a.parquet", b"PAR1 and then nothing", FileUnreadable, "damaged Parquet"),
        ("a.json", b'[{"title": "Heat"', FileUnreadable, "JSON array"),
        (
            "open.csv",
            b'title,overview\nHeat,fine\nFargo,"never closed\nAlien,1\n',
            FileUnreadable,
            "line 3 is never closed",
        ),
        ("wide.csv", b"title\nHeat\n" + b"x" * 200_000 + b"\n", FileUnreadable, "line 3"),
    ],
)
def test_what_is_no_table_of_titles_is_refused_in_one_sentence(
    tmp_path: Path, name: str, content: bytes, error: type[InputError], words: str
) -> None:
    with pytest.raises(error, match=words) as refusal:
        read(tmp_path, content, name)

    assert "\n" not in str(refusal.value)
    assert str(tmp_path / name) in str(refusal.value)


def test_a_missing_file_a_folder_and_a_table_without_labels_are_refused(tmp_path: Path) -> None:
    (tmp_path / "titles.csv").write_text("title\nHeat\n")

    with pytest.raises(FileMissing):
        read_table(tmp_path / "none.csv")
    with pytest.raises(FileUnreadable, match="folder"):
        read_table(tmp_path)
    with pytest.raises(ColumnsMissing, match="label"):
        read_table(tmp_path / "titles.csv", needs_labels=True)


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret.csv"
    path.write_text(PLAIN)
    path.chmod(0)
    as_nobody = ["setpriv", "--reuid", "65534", "--clear-groups"] if os.geteuid() == 0 else []
    if as_nobody:
        for folder in (tmp_path, *tmp_path.parents):
            if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
                folder.chmod(folder.stat().st_mode | 0o011)
    code = f"from reel_driver.ingest import read_table\ntry:\n read_table({str(path)!r})\nexcept Exception as e:\n print(type(e).__name__, e)"

    done = subprocess.run([*as_nobody, sys.executable, "-c", code], capture_output=True, text=True, check=False)

    if as_nobody and "Permission denied" in done.stderr:
        pytest.skip("another user may not even start Python here")
    assert done.stdout.startswith("FileUnreadable"), done.stderr
    assert "permissions" in done.stdout


@pytest.mark.parametrize("shape", ["one line", "many lines", "json"])
def test_a_field_of_a_hundred_megabytes_is_refused_quickly_and_without_eating_memory(
    tmp_path: Path, shape: str
) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.write(b'[{"title": "' if shape == "json" else b'title,overview\nHeat,"')
        for _ in range(1000):
            file.write(b"x" * 99_999 + (b"\n" if shape == "many lines" else b"x"))
        file.write(b'"}]' if shape == "json" else b'"\n')
    code = (
        "import sys, time, resource\nfrom reel_driver.ingest import read_table\n"
        "before = resource.getrusage(resource.RUSAGE_SELF)\n"
        "try:\n read_table(sys.argv[1])\nexcept Exception as error:\n print(type(error).__name__, error)\n"
        "after = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(after.ru_utime - before.ru_utime, (after.ru_maxrss - before.ru_maxrss) / 1024)\n"
    )

    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)

    refusal, figures = done.stdout.strip().splitlines()
    seconds, megabytes = map(float, figures.split())
    assert refusal.startswith("FileUnreadable")
    assert seconds < 5
    assert megabytes < (600 if shape == "json" else 60)


def test_an_import_is_repeatable_and_counts_what_it_did(store: Store, tmp_path: Path) -> None:
    content = "imdb_id,title,label\ntt0113277,Heat,yes\ntt0116282,Fargo,no\ntt0116282,Fargo,yes\ntt9999999,,yes\ntt0078748,Alien,maybe\n"
    frame, problems = read(tmp_path, content)

    first = import_into(store, frame, problems, profile="ada", source="mine.csv")
    again = import_into(store, frame, problems, profile="ada", source="mine.csv")

    assert (first.taken, first.updated, first.repeated, first.labels.taken) == (2, 0, 1, 2)
    assert (again.taken, again.updated, again.unchanged, again.labels.taken, again.labels.unchanged) == (0, 0, 2, 0, 2)
    assert [(p.line, p.column) for p in first.rejected] == [(6, "label"), (5, "imdb_id")]
    assert store.labels("ada")["verdict"].to_list() == ["would_watch", "would_watch"]
    assert len(store.label_history("ada", 1)) == 1


def test_a_profile_column_says_whose_label_it_is(store: Store, tmp_path: Path) -> None:
    frame, problems = read(tmp_path, "title,label,profile\nHeat,yes,bob\nFargo,no,\n")

    import_into(store, frame, problems, profile="ada", source="mine.csv")

    assert store.labels("bob")["title_id"].to_list() == [1]
    assert store.labels("ada")["title_id"].to_list() == [2]


def test_a_table_with_rejected_rows_only_takes_nothing_and_says_why(store: Store, tmp_path: Path) -> None:
    frame, problems = read(tmp_path, "title,label\nHeat,maybe\n")

    report = import_into(store, frame, problems, profile="ada", source="mine.csv")

    assert (report.taken, len(report.rejected), store.n_titles()) == (0, 1, 0)
