"""A live `atp` schema is read as it is in production, with either name of its flag and without its optional columns."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine

from conftest import PostgresServer
from reel_driver.errors import ColumnsMissing, NothingToRead, StoreUnreachable
from reel_driver.ingest import read_atp
from reel_driver.store import Store, import_into

SCHEMA = """
CREATE SCHEMA atp;
CREATE TYPE atp.media_type AS ENUM ('movie', 'tv_show', 'tv_season', 'unknown', 'tv_episode_pack');
CREATE TYPE atp.label_type AS ENUM ('would_watch', 'would_not_watch');
CREATE TABLE atp.training (
    imdb_id varchar(10) PRIMARY KEY CHECK (imdb_id ~ '^tt[0-9]{{7,8}}$'),
    tmdb_id integer UNIQUE,
    label atp.label_type,
    human_labeled boolean NOT NULL DEFAULT false,
    anomalous boolean NOT NULL DEFAULT false,
    media_type atp.media_type NOT NULL,
    media_title varchar(255) NOT NULL,
    season smallint, episode smallint,
    release_year smallint NOT NULL,
    budget bigint, revenue bigint, runtime integer,
    origin_country char(2)[], production_countries char(2)[], production_companies varchar(255)[],
    production_status varchar(25), original_language char(2), spoken_languages char(2)[], genre varchar(20)[],
    original_media_title varchar(255), tagline varchar(255), overview text,
    tmdb_rating numeric(5,3), tmdb_votes integer, rt_score integer, metascore integer,
    imdb_rating numeric(4,1), imdb_votes integer,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(),
    {flag} boolean DEFAULT false
);
INSERT INTO atp.training (imdb_id, tmdb_id, label, human_labeled, anomalous, media_type, media_title, release_year, genre,
    production_companies, spoken_languages, tmdb_rating, imdb_rating, imdb_votes, {flag}) VALUES
    ('tt0113277', 949, 'would_watch', true, false, 'movie', 'Heat', 1995, '{{Crime,"Science Fiction"}}',
        '{{"Forward, Pass","Say \\"what\\""}}', '{{en,xx}}', 7.917, 83.0, 700000, false),
    ('tt0116282', 275, 'would_not_watch', false, true, 'movie', 'Fargo', 1996, NULL, NULL, '{{}}', 7.9, 81.0, 600000, true),
    ('tt2802850', 60622, 'would_watch', false, false, 'tv_season', 'Fargo', 2014, NULL, NULL, NULL, NULL, NULL, NULL, false),
    ('tt0078748', 348, NULL, false, false, 'unknown', 'Alien', 1979, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
"""


def prepared(postgres: PostgresServer, sql: str) -> str:
    url = postgres.new_database()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(sql)
    engine.dispose()
    return url


@pytest.mark.parametrize("flag", ["reviewed", "confirmed"])
def test_the_training_table_is_read_with_its_flags(postgres: PostgresServer, sqlite_store: Store, flag: str) -> None:
    url = prepared(postgres, SCHEMA.format(flag=flag))

    frame, problems = read_atp(url)
    report = import_into(sqlite_store, frame, problems, profile="me", source="atp.training")

    assert problems == []
    assert (report.taken, report.labels.taken) == (4, 3)
    heat = sqlite_store.find_title("tt0113277")
    assert heat["genre"] == ["Crime", "Science Fiction"]
    assert heat["production_companies"] == ["Forward, Pass", 'Say "what"']
    assert (heat["imdb_rating"], heat["tmdb_rating"], heat["spoken_languages"]) == (8.3, 7.917, ["en", "xx"])
    assert sqlite_store.n_titles_by_kind() == {"movie": 3, "show": 1}
    labels = {row["title_id"]: row for row in sqlite_store.labels("me").iter_rows(named=True)}
    of = {row["imdb_id"]: labels.get(row["title_id"]) for row in sqlite_store.titles().iter_rows(named=True)}
    flags = {i: (w["decided_by"], w["is_reviewed"], w["is_anomalous"]) for i, w in of.items() if w}
    assert flags == {
        "tt0113277": ("person", False, False),
        "tt0116282": ("person", True, True),
        "tt2802850": ("model", False, False),
    }
    assert labels[heat["title_id"]]["labelled_at"] is not None


def test_a_training_table_of_few_columns_is_read(postgres: PostgresServer) -> None:
    url = prepared(
        postgres,
        "CREATE SCHEMA atp; CREATE TABLE atp.training (imdb_id text, label text, media_title text);"
        "INSERT INTO atp.training VALUES ('tt0113277', 'would_watch', 'Heat'), ('bad', 'would_watch', 'Fargo')",
    )

    frame, (problem,) = read_atp(url)

    assert frame["decided_by"].to_list() == ["person"]
    assert (problem.source, problem.column, problem.value) == ("atp.training", "imdb_id", "bad")


def test_without_the_table_or_its_rows_or_the_server_it_is_refused(postgres: PostgresServer) -> None:
    with pytest.raises(ColumnsMissing, match="imdb_id"):
        read_atp(postgres.new_database())
    with pytest.raises(NothingToRead):
        read_atp(prepared(postgres, "CREATE SCHEMA atp; CREATE TABLE atp.training (imdb_id text)"))
    with pytest.raises(StoreUnreachable) as refusal:
        read_atp("postgresql://reel:s3cret-word@127.0.0.1:1/none")
    assert "s3cret" not in str(refusal.value)
    with pytest.raises(StoreUnreachable):
        read_atp("no url at all")
