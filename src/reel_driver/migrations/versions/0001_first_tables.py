"""The first tables: titles and their fixes, profiles, labels, seen, scores."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WHOLE, REAL, TEXT, WHEN = sa.BigInteger(), sa.Float(53), sa.Text(), sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "titles",
        sa.Column("title_id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("imdb_id", TEXT),
        sa.Column("tmdb_id", WHOLE),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("title", TEXT, nullable=False),
        sa.Column("original_title", TEXT),
        sa.Column("season", WHOLE),
        sa.Column("episode", WHOLE),
        sa.Column("release_year", WHOLE),
        sa.Column("release_date", sa.Date()),
        sa.Column("runtime", WHOLE),
        sa.Column("production_status", TEXT),
        sa.Column("budget", WHOLE),
        sa.Column("revenue", WHOLE),
        sa.Column("original_language", TEXT),
        sa.Column("spoken_languages", TEXT),
        sa.Column("origin_country", TEXT),
        sa.Column("production_countries", TEXT),
        sa.Column("production_companies", TEXT),
        sa.Column("genre", TEXT),
        sa.Column("keywords", TEXT),
        sa.Column("directors", TEXT),
        sa.Column("cast", TEXT),
        sa.Column("tagline", TEXT),
        sa.Column("overview", TEXT),
        sa.Column("tmdb_rating", REAL),
        sa.Column("tmdb_votes", WHOLE),
        sa.Column("imdb_rating", REAL),
        sa.Column("imdb_votes", WHOLE),
        sa.Column("rt_score", WHOLE),
        sa.Column("metascore", WHOLE),
        sa.Column("popularity", REAL),
        sa.Column(
            "part",
            sa.String(24),
            nullable=False,
            server_default="",
            comment="which season and episode, or empty",
        ),
        sa.Column("name_key", TEXT, nullable=False, comment="the title without case and punctuation"),
        sa.Column("source", TEXT, nullable=False, comment="where the row came from first"),
    )
    op.create_index("titles_imdb_id", "titles", ["imdb_id", "part"], unique=True)
    op.create_index("titles_tmdb_id", "titles", ["tmdb_id", "kind", "part"])
    op.create_index("titles_name", "titles", ["name_key", "release_year"])
    op.create_table(
        "title_fixes",
        sa.Column("fix_id", NUMBER, primary_key=True),
        sa.Column("title_id", NUMBER, sa.ForeignKey("titles.title_id"), nullable=False),
        sa.Column("field", sa.String(40), nullable=False),
        sa.Column("old_value", TEXT, comment="JSON"),
        sa.Column("new_value", TEXT, comment="JSON"),
        sa.Column("fixed_at", WHEN, nullable=False),
        sa.Column("reverted_at", WHEN),
    )
    op.create_index("title_fixes_title", "title_fixes", ["title_id", "field"])
    op.create_table(
        "profiles",
        sa.Column("profile_id", NUMBER, primary_key=True),
        sa.Column("name", TEXT, nullable=False, unique=True),
        sa.Column("about", TEXT, nullable=False, server_default=""),
    )
    op.create_table(
        "labels",
        sa.Column("label_id", NUMBER, primary_key=True),
        sa.Column("profile_id", NUMBER, sa.ForeignKey("profiles.profile_id"), nullable=False),
        sa.Column("title_id", NUMBER, sa.ForeignKey("titles.title_id"), nullable=False),
        sa.Column("verdict", sa.String(20), comment="empty when a word is taken back"),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("decided_by", sa.String(20), nullable=False),
        sa.Column("is_reviewed", sa.Boolean(), nullable=False),
        sa.Column("is_anomalous", sa.Boolean(), nullable=False),
        sa.Column("labelled_at", WHEN, nullable=False),
    )
    op.create_index("labels_latest", "labels", ["profile_id", "title_id", "label_id"])
    op.create_table(
        "seen",
        sa.Column("profile_id", NUMBER, sa.ForeignKey("profiles.profile_id"), primary_key=True),
        sa.Column("title_id", NUMBER, sa.ForeignKey("titles.title_id"), primary_key=True),
        sa.Column("seen_at", WHEN, nullable=False),
    )
    op.create_table(
        "score_runs",
        sa.Column("profile_id", NUMBER, sa.ForeignKey("profiles.profile_id"), primary_key=True),
        sa.Column("bundle_id", TEXT, nullable=False),
        sa.Column("scored_at", WHEN, nullable=False),
    )
    op.create_table(
        "scores",
        sa.Column("profile_id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("place", NUMBER, primary_key=True, autoincrement=False, comment="0 is the best"),
        sa.Column("title_id", NUMBER, nullable=False),
        sa.Column("score", REAL, nullable=False),
        sa.Column("lower", REAL, nullable=False),
        sa.Column("upper", REAL, nullable=False),
        sa.Column("is_extrapolated", sa.Boolean(), nullable=False),
        sa.Column("kind", TEXT),
        sa.Column("original_language", TEXT),
        sa.Column("runtime", WHOLE),
        sa.Column("genre", TEXT),
        sqlite_with_rowid=False,
    )
