"""From text to words, and from words to their vectors. One place decides what a word is."""

from __future__ import annotations

import html
import io
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MAX_CHARACTERS = 20_000
"""Of a longer text only the beginning is read: a plot is told by then, and a megabyte must not stall a service."""

WORD = r"[^\W_]+(?:'[^\W_]+)?"
"""Letters and digits of any script, with one apostrophe inside."""

_words = re.compile(WORD).findall
_tags = re.compile(r"<[^<>]{1,200}>")


def clean(text: str) -> str:
    """Plain text of what may be HTML, cut to `MAX_CHARACTERS`.

    >>> clean("<p>Tom &amp; Jerry</p>").strip()
    'Tom & Jerry'
    """
    text = text[:MAX_CHARACTERS]
    if "<" in text:
        text = _tags.sub(" ", text)
    return html.unescape(text) if "&" in text else text


def words_of(text: str) -> list[str]:
    """Words in lower case, in order.

    >>> words_of("The Shark's 2nd <b>bite</b>")
    ['the', "shark's", '2nd', 'bite']
    """
    return _words(clean(text).lower())


def with_pairs(words: list[str]) -> list[str]:
    """Words, then neighbouring words joined by a space.

    >>> with_pairs(["the", "white", "shark"])
    ['the', 'white', 'shark', 'the white', 'white shark']
    """
    return [*words, *map(" ".join, pairwise(words))]


def joined(title: str | None, overview: str | None) -> str | None:
    """Title and overview as one text; None when both are unknown.

    >>> joined("Jaws", "A shark."), joined(None, "A shark."), joined(None, None)
    ('Jaws. A shark.', 'A shark.', None)
    """
    parts = [p for p in (title, overview) if p is not None]
    return ". ".join(parts) if parts else None


@dataclass(frozen=True)
class WordVectors:
    """Vectors of common English words and of words of film plots, which ship with the package.

    Each word went alone through all-MiniLM-L6-v2 (Apache-2.0); the 384 numbers were reduced to 128 by principal
    components, scaled to length 1 and rounded to 8 bits. No transformer is needed to use them.

    Attributes:
        places: word to row.
        vectors: int8, shape (n_words, 128).
    """

    places: dict[str, int]
    vectors: NDArray[np.int8]

    def places_of(self, text: str) -> list[int]:
        """Rows of the words of a text that are known, repeated words repeated."""
        find = self.places.get
        return [place for word in words_of(text) if (place := find(word)) is not None]


@lru_cache(maxsize=1)
def word_vectors() -> WordVectors:
    """The vectors that ship with the package, read once."""
    content = (files("reel_driver.data") / "word-vectors.npz").read_bytes()
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        words = arrays["words"].tobytes().decode().split("\n")
        return WordVectors({word: i for i, word in enumerate(words)}, arrays["vectors"])


STOP_WORDS = frozenset([
    "a", "about", "above", "across", "after", "afterwards", "again", "against", "all", "almost", "alone", "along",
    "already", "also", "although", "always", "am", "among", "amongst", "amoungst", "amount", "an", "and", "another",
    "any", "anyhow", "anyone", "anything", "anyway", "anywhere", "are", "around", "as", "at", "back", "be",
    "became", "because", "become", "becomes", "becoming", "been", "before", "beforehand", "behind", "being",
    "below", "beside", "besides", "between", "beyond", "bill", "both", "bottom", "but", "by", "call", "can",
    "cannot", "cant", "co", "con", "could", "couldnt", "cry", "de", "describe", "detail", "do", "done", "down",
    "due", "during", "each", "eg", "eight", "either", "eleven", "else", "elsewhere", "empty", "enough", "etc",
    "even", "ever", "every", "everyone", "everything", "everywhere", "except", "few", "fifteen", "fifty", "fill",
    "find", "fire", "first", "five", "for", "former", "formerly", "forty", "found", "four", "from", "front", "full",
    "further", "get", "give", "go", "had", "has", "hasnt", "have", "he", "hence", "her", "here", "hereafter",
    "hereby", "herein", "hereupon", "hers", "herself", "him", "himself", "his", "how", "however", "hundred", "i",
    "ie", "if", "in", "inc", "indeed", "interest", "into", "is", "it", "its", "itself", "keep", "last", "latter",
    "latterly", "least", "less", "ltd", "made", "many", "may", "me", "meanwhile", "might", "mill", "mine", "more",
    "moreover", "most", "mostly", "move", "much", "must", "my", "myself", "name", "namely", "neither", "never",
    "nevertheless", "next", "nine", "no", "nobody", "none", "noone", "nor", "not", "nothing", "now", "nowhere",
    "of", "off", "often", "on", "once", "one", "only", "onto", "or", "other", "others", "otherwise", "our", "ours",
    "ourselves", "out", "over", "own", "part", "per", "perhaps", "please", "put", "rather", "re", "same", "see",
    "seem", "seemed", "seeming", "seems", "serious", "several", "she", "should", "show", "side", "since", "sincere",
    "six", "sixty", "so", "some", "somehow", "someone", "something", "sometime", "sometimes", "somewhere", "still",
    "such", "system", "take", "ten", "than", "that", "the", "their", "them", "themselves", "then", "thence",
    "there", "thereafter", "thereby", "therefore", "therein", "thereupon", "these", "they", "thick", "thin",
    "third", "this", "those", "though", "three", "through", "throughout", "thru", "thus", "to", "together", "too",
    "top", "toward", "towards", "twelve", "twenty", "two", "un", "under", "until", "up", "upon", "us", "very",
    "via", "was", "we", "well", "were", "what", "whatever", "when", "whence", "whenever", "where", "whereafter",
    "whereas", "whereby", "wherein", "whereupon", "wherever", "whether", "which", "while", "whither", "who",
    "whoever", "whole", "whom", "whose", "why", "will", "with", "within", "without", "would", "yet", "you", "your",
    "yours", "yourself", "yourselves",
])  # fmt: skip
"""English function words that `Tfidf` leaves out: scikit-learn's list (BSD-3-Clause), which the first pipelines used."""
