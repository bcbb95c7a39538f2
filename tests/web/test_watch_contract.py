"""Watch predictions as the reel-driver clients rely on them: every field, bound, status code and message."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.testclient import TestClient
from web_cases import ALIEN

from reel_driver.bundle import Bundle
from reel_driver.web.items import (
    LISTS,
    RATINGS,
    TEXTS,
    WHOLE,
    NotQuick,
    PredictionItem,
    decode_item,
    row_of,
)
from reel_driver.web.refusals import Refusal, read_json

PREDICT, BATCH = "/reel-driver/api/predict", "/reel-driver/api/predict_batch"


def ask(client: TestClient, **fields: Any) -> Any:
    return client.post(PREDICT, json={"imdb_id": "tt0078748", **fields})


def test_the_welcome_says_where_everything_is(client: TestClient) -> None:
    answer = client.get("/reel-driver/")
    assert answer.status_code == 200
    body = answer.json()
    assert body["message"] == "Welcome to Reel Driver API"
    assert body["version"] == "0.1.0"
    assert set(body) == {"message", "description", "version", "docs", "health", "endpoints"}
    assert set(body["endpoints"]) == {"single_prediction", "batch_prediction"}
    assert client.get("/reel-driver").status_code == 200
    for address in (body["docs"], body["health"]):
        assert client.get(address).status_code == 200


def test_health_counts_what_the_model_reads(client: TestClient, bundle: Bundle) -> None:
    answer = client.get("/reel-driver/health")
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "healthy"
    assert body["model_name"] == "watch-me"
    assert body["model_version"] == "v0001"
    assert isinstance(body["run_id"], str)
    assert body["features_count"] == bundle.spec.width
    counts = ("normalization_fields", "schema_mappings", "genre_categories", "origin_countries",
              "production_countries", "spoken_languages")  # fmt: skip
    assert all(isinstance(body[c], int) for c in counts)
    assert body["genre_categories"] == sum(n.startswith("genre=") for n in bundle.spec.names)
    assert body["registry"] == "local"


def test_without_a_model_health_and_predictions_are_503_with_the_known_message(empty_client: TestClient) -> None:
    expected = {
        "message": "Model not loaded - MLflow connection failed or model not found. "
        "Check MLflow server status and model registry."
    }
    answers = [
        empty_client.get("/reel-driver/health"),
        empty_client.get("/reel-driver/api/model"),
        ask(empty_client),
        empty_client.post(BATCH, json={"items": []}),
    ]
    for answer in answers:
        assert answer.status_code == 503
        assert answer.json() == expected
        assert int(answer.headers["retry-after"]) > 0


def test_the_model_is_described(client: TestClient, bundle: Bundle) -> None:
    body = client.get("/reel-driver/api/model").json()
    assert {"name", "version", "run_id", "trained_at", "features", "metrics"} <= set(body)
    assert body["features"] == list(bundle.spec.names)
    assert 0 <= body["metrics"]["roc_auc"] <= 1


def test_one_prediction_is_the_bundle_s_own(client: TestClient, bundle: Bundle) -> None:
    answer = client.post(PREDICT, json=ALIEN)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"imdb_id", "prediction", "probability"}
    expected = bundle.score_row({**ALIEN, "imdb_rating": 8.5}).score
    assert body["probability"] == pytest.approx(expected, abs=1e-12)
    assert body["prediction"] is (expected >= 0.5)
    assert body["imdb_id"] == ALIEN["imdb_id"]


def test_a_batch_keeps_order_and_duplicates(client: TestClient) -> None:
    items = [{**ALIEN, "imdb_id": f"tt{n:07}", "tmdb_votes": n} for n in (5, 3, 5, 90_000, 1)]
    body = client.post(BATCH, json={"items": items}).json()
    assert [r["imdb_id"] for r in body["results"]] == [i["imdb_id"] for i in items]
    single = [client.post(PREDICT, json=i).json() for i in items]
    assert body["results"] == single


def test_a_batch_longer_than_a_chunk_drops_nothing(client: TestClient) -> None:
    items = [{"imdb_id": f"tt{n:07}", "runtime": n % 200} for n in range(777)]
    results = client.post(BATCH, json={"items": items}).json()["results"]
    assert [r["imdb_id"] for r in results] == [i["imdb_id"] for i in items]


def test_an_empty_batch_is_an_empty_answer(client: TestClient) -> None:
    answer = client.post(BATCH, json={"items": []})
    assert (answer.status_code, answer.json()) == (200, {"results": []})


def test_a_bare_list_is_422(client: TestClient) -> None:
    answer = client.post(BATCH, json=[ALIEN])
    assert answer.status_code == 422
    fault = answer.json()["detail"][0]
    assert (fault["loc"], fault["type"]) == (["body"], "model_attributes_type")


def test_one_bad_item_is_422_for_the_whole_batch_and_names_its_place(client: TestClient) -> None:
    answer = client.post(BATCH, json={"items": [ALIEN, {**ALIEN, "genre": "Drama"}, ALIEN]})
    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert fault["loc"] == ["body", "items", 1, "genre"]
    assert fault["type"] == "list_type"
    assert fault["msg"] == "Input should be a valid list"
    assert fault["input"] == "Drama"


@pytest.mark.parametrize("path", ["/openapi.json", "/reel-driver/openapi.json"])
def test_the_openapi_document_bears_the_known_title(client: TestClient, path: str) -> None:
    document = client.get(path).json()
    assert document["info"]["title"] == "Reel Driver API"
    body = document["paths"][PREDICT]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/PredictionItem"}
    fields = document["components"]["schemas"]["PredictionItem"]
    assert fields["required"] == ["imdb_id"]
    assert set(fields["properties"]) == {"imdb_id", *WHOLE, *RATINGS, *TEXTS, *LISTS}


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/reel-driver/docs", "/reel-driver/redoc"])
def test_the_documentation_pages_are_there(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert "text/html" in answer.headers["content-type"]


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/reel-driver/nothing", 404, "Not Found"),
        ("GET", "/reel-driver/api/predict", 405, "Method Not Allowed"),
        ("POST", "/reel-driver/health", 405, "Method Not Allowed"),
        ("GET", "/api/v1/nothing", 404, "Not Found"),
    ],
)
def test_wrong_routes_carry_a_detail(client: TestClient, method: str, path: str, status: int, detail: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()) == (status, {"detail": detail})


@pytest.mark.parametrize(
    "fields",
    [
        {"release_year": 1994.0},
        {"release_year": "1994"},
        {"release_year": "1994.0"},
        {"release_year": 1850},
        {"release_year": 2100},
        {"tmdb_rating": "8.7"},
        {"tmdb_rating": 8.123},
        {"imdb_rating": 87},
        {"imdb_rating": 8.7},
        {"imdb_rating": 100},
        {"imdb_rating": "87.5"},
        {"unheard_of": {"a": [1, 2]}},
        {"genre": ["A genre nobody knows"]},
        {"original_language": "xx", "spoken_languages": ["xx", "cn"]},
        {"overview": "long " * 4000},
        {"tmdb_votes": 1e12, "imdb_votes": 10**12},
        {"budget": 2**53},
        {"genre": [], "spoken_languages": []},
        {"production_status": "x" * 25, "tagline": "x" * 255, "genre": ["x" * 20]},
        {"overview": "", "tagline": "", "production_status": ""},
        {"runtime": 0, "rt_score": 0, "metascore": 100},
        dict.fromkeys((*WHOLE, *RATINGS, *TEXTS, *LISTS)),
    ],
)
def test_what_life_brings_is_accepted(client: TestClient, fields: dict[str, Any]) -> None:
    answer = ask(client, **fields)
    assert answer.status_code == 200, answer.text
    assert 0 <= answer.json()["probability"] <= 1


@pytest.mark.parametrize("name", [*WHOLE, *RATINGS, *TEXTS, *LISTS])
def test_every_field_may_be_null(client: TestClient, name: str) -> None:
    assert client.post(PREDICT, json={**ALIEN, name: None}).status_code == 200


@pytest.mark.parametrize("imdb_id", ["tt1234567", "tt12345678"])
def test_ids_have_seven_or_eight_digits(client: TestClient, imdb_id: str) -> None:
    assert ask(client, imdb_id=imdb_id).json()["imdb_id"] == imdb_id


@pytest.mark.parametrize(
    ("field", "value", "loc", "kind"),
    [
        ("imdb_id", None, [], "string_type"),
        ("imdb_id", "tt123456", [], "string_pattern_mismatch"),
        ("imdb_id", "tt123456789", [], "string_pattern_mismatch"),
        ("imdb_id", "nm1234567", [], "string_pattern_mismatch"),
        ("imdb_id", "tt1234567\n", [], "string_pattern_mismatch"),
        ("imdb_id", 1234567, [], "string_type"),
        ("release_year", 1994.5, [], "int_from_float"),
        ("release_year", "N/A", [], "int_parsing"),
        ("release_year", 1849, [], "greater_than_equal"),
        ("release_year", 2101, [], "less_than_equal"),
        ("budget", -1, [], "greater_than_equal"),
        ("budget", 2**70, [], "less_than_equal"),
        ("revenue", -0.5, [], "int_from_float"),
        ("runtime", "N/A", [], "int_parsing"),
        ("tmdb_votes", -1, [], "greater_than_equal"),
        ("imdb_votes", "12,963", [], "int_parsing"),
        ("rt_score", 101, [], "less_than_equal"),
        ("metascore", -1, [], "greater_than_equal"),
        ("tmdb_rating", 10.1, [], "less_than_equal"),
        ("tmdb_rating", 8.1234, [], "decimal_max_places"),
        ("tmdb_rating", "N/A", [], "decimal_parsing"),
        ("imdb_rating", 100.1, [], "less_than_equal"),
        ("imdb_rating", 87.25, [], "decimal_max_places"),
        ("imdb_rating", -1, [], "greater_than_equal"),
        ("genre", "Drama", [], "list_type"),
        ("genre", ["Drama", None], [1], "string_type"),
        ("genre", ["x" * 21], [0], "string_too_long"),
        ("spoken_languages", ["en", None], [1], "string_type"),
        ("spoken_languages", ["cmn"], [0], "string_too_long"),
        ("origin_country", ["USA"], [0], "string_too_long"),
        ("production_countries", [""], [0], "string_too_short"),
        ("production_companies", [None], [0], "string_type"),
        ("production_companies", "Toho", [], "list_type"),
        ("original_language", "cmn", [], "string_too_long"),
        ("original_language", "", [], "string_too_short"),
        ("production_status", "x" * 26, [], "string_too_long"),
        ("tagline", "x" * 256, [], "string_too_long"),
        ("overview", 5, [], "string_type"),
        ("overview", ["a"], [], "string_type"),
    ],
)
def test_what_cannot_be_meant_is_422_at_its_place(
    client: TestClient, field: str, value: Any, loc: list[int], kind: str
) -> None:
    for path, body, start in (
        (PREDICT, {**ALIEN, field: value}, ["body"]),
        (BATCH, {"items": [ALIEN, {**ALIEN, field: value}]}, ["body", "items", 1]),
    ):
        answer = client.post(path, json=body)
        assert answer.status_code == 422
        (fault,) = answer.json()["detail"]
        assert fault["loc"] == [*start, field, *loc]
        assert fault["type"] == kind
        assert set(fault) == {"type", "loc", "msg", "input"}


BOUNDS = {
    "release_year": (1850, 2100), "budget": (0, None), "revenue": (0, None), "runtime": (0, None), "tmdb_votes": (0, None),
    "imdb_votes": (0, None), "rt_score": (0, 100), "metascore": (0, 100), "tmdb_rating": (0, 10), "imdb_rating": (0, 100),
}  # fmt: skip


@pytest.mark.parametrize("name", list(BOUNDS))
def test_numbers_are_taken_up_to_their_bounds_and_no_further(client: TestClient, name: str) -> None:
    low, high = BOUNDS[name]
    step = 0.1 if name.endswith("rating") else 1
    assert ask(client, **{name: low}).status_code == ask(client, **{name: str(low)}).status_code == 200
    (fault,) = ask(client, **{name: low - step}).json()["detail"]
    assert (fault["loc"], fault["type"]) == (["body", name], "greater_than_equal")
    assert ask(client, **{name: float(high or 10**12)}).status_code == 200
    if high is not None:
        (fault,) = ask(client, **{name: high + step}).json()["detail"]
        assert (fault["loc"], fault["type"]) == (["body", name], "less_than_equal")
    for nonsense in ("N/A", [1], {}):
        assert ask(client, **{name: nonsense}).status_code == 422
    assert ask(client, **{name: 2**70}).status_code == 422


@pytest.mark.parametrize("name", ["origin_country", "production_countries", "spoken_languages", "original_language"])
def test_codes_have_two_characters(client: TestClient, name: str) -> None:
    def sent(code: str) -> Any:
        return ask(client, **{name: code if name == "original_language" else ["en", code]})

    assert [sent(code).status_code for code in ("xx", "e", "eng", "")] == [200, 422, 422, 422]


@pytest.mark.parametrize("name", ["production_status", "tagline", "genre"])
def test_texts_are_taken_up_to_their_length(client: TestClient, name: str) -> None:
    longest = {"production_status": 25, "tagline": 255, "genre": 20}[name]
    for n, status in ((0, 200), (longest, 200), (longest + 1, 422)):
        text = "é" * n
        assert ask(client, **{name: [text] if name == "genre" else text}).status_code == status


@pytest.mark.parametrize("body", [{}, {"items": None}, {"items": {}}, {"items": [None]}, {"items": ["tt0078748"]}])
def test_a_batch_that_is_none_is_422(client: TestClient, body: Any) -> None:
    answer = client.post(BATCH, json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][:2] == ["body", "items"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", str(2**70), "1e400"])
@pytest.mark.parametrize("field", [*WHOLE, *RATINGS])
def test_what_the_first_service_fell_over_is_422(client: TestClient, field: str, number: str) -> None:
    item = f'{{"imdb_id": "tt0078748", "{field}": {number}}}'
    assert client.post(PREDICT, content=item.encode()).status_code == 422
    assert client.post(BATCH, content=f'{{"items": [{item}]}}'.encode()).status_code == 422


def test_every_fault_of_an_item_is_named(client: TestClient) -> None:
    answer = client.post(PREDICT, json={"imdb_id": "x", "runtime": -1, "genre": "Drama"})
    assert [f["loc"][-1] for f in answer.json()["detail"]] == ["imdb_id", "runtime", "genre"]


def test_a_missing_id_is_named(client: TestClient) -> None:
    (fault,) = client.post(PREDICT, json={"runtime": 90}).json()["detail"]
    assert fault == {"type": "missing", "loc": ["body", "imdb_id"], "msg": "Field required", "input": {"runtime": 90}}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"not json",
        b'{"imdb_id": "tt0078748", "budget": NaN}',
        b'{"imdb_id": "tt0078748", "tmdb_rating": Infinity}',
        b'{"imdb_id": "tt0078748", "tmdb_rating": 1e999}',
        b'{"imdb_id": "tt0078748", "budget": 1' + b"0" * 5000 + b"}",
        b'{"imdb_id": "\\ud800"}',
        b'{"imdb_id": "tt0078748", "overview": "\xff"}',
        b"[" * 100_000,
        b'{"imdb_id": "tt0078748", "x": ' + b"[" * 100_000,
        b"null",
        b"3",
        b'"tt0078748"',
    ],
    ids=lambda b: repr(b[:40]),
)
@pytest.mark.parametrize("path", [PREDICT, BATCH])
def test_what_is_no_item_is_422_and_never_500(client: TestClient, body: bytes, path: str) -> None:
    answer = client.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], list)


def test_malformed_json_says_where(client: TestClient) -> None:
    (fault,) = client.post(PREDICT, content=b'{"imdb_id": }').json()["detail"]
    assert fault["type"] == "json_invalid"
    assert fault["loc"] == ["body", 12]
    assert fault["msg"] == "JSON decode error"


def test_an_imdb_rating_counts_the_same_on_either_scale(client: TestClient) -> None:
    assert ask(client, imdb_rating=87.0).json() == ask(client, imdb_rating=8.7).json()


def test_no_content_type_is_needed(client: TestClient) -> None:
    answer = client.post(PREDICT, content=json.dumps(ALIEN).encode())
    assert answer.status_code == 200


anything = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 3000), st.floats(), st.text(max_size=30),
    st.sampled_from(["1994", "8.7", "en", "US", "tt0078748", 8.7, 87.5, 1994.0, 2**70, "Drama", "null", "1e3"]),
    st.lists(st.one_of(st.none(), st.text(max_size=3), st.sampled_from(["en", "US", "Drama"]), st.integers()), max_size=3),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from(["imdb_id", *WHOLE, *RATINGS, *TEXTS, *LISTS, "other"]), anything))
def test_the_quick_reader_takes_nothing_that_the_authority_would_not_read_alike(fields: dict[str, Any]) -> None:
    body = json.dumps({"imdb_id": "tt0078748", **fields}).encode()
    try:
        quick = {k: v for k, v in decode_item(body).items() if v is not None}
    except NotQuick:
        return
    try:
        slow = {k: v for k, v in row_of(PredictionItem.model_validate(read_json(body))).items() if v is not None}
    except (ValidationError, Refusal):  # pragma: no cover - the failure this test looks for
        pytest.fail(f"only the quick reader takes {body!r}")
    assert quick == slow


def test_half_a_character_in_a_text_does_no_harm(client: TestClient) -> None:
    assert client.post(PREDICT, content=b'{"imdb_id": "tt0078748", "overview": "\\ud800"}').status_code == 200
    answer = client.post(PREDICT, content=b'{"imdb_id": "tt0078748", "original_language": "\\ud800"}')
    assert answer.status_code == 422


def test_ordinary_requests_stay_with_the_quick_reader() -> None:
    as_sent = {k: float(v) if isinstance(v, int) else v for k, v in ALIEN.items()}
    assert decode_item(json.dumps(as_sent).encode())["imdb_rating"] == 8.5
    assert float(Decimal("8.153")) == decode_item(json.dumps(ALIEN).encode())["tmdb_rating"]
