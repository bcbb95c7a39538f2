"""Language and country codes as people say them; a code that is not here is shown as it is."""

from __future__ import annotations

LANGUAGES = {
    "ar": "Arabic", "bn": "Bengali", "bs": "Bosnian", "ca": "Catalan", "cn": "Cantonese", "cs": "Czech",
    "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian",
    "eu": "Basque", "fa": "Persian", "fi": "Finnish", "fr": "French", "ga": "Irish", "he": "Hebrew",
    "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "is": "Icelandic", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "la": "Latin", "lt": "Lithuanian", "lv": "Latvian", "ml": "Malayalam",
    "mr": "Marathi", "ms": "Malay", "nb": "Norwegian", "nl": "Dutch", "no": "Norwegian", "pa": "Punjabi",
    "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sh": "Serbo-Croatian",
    "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "ta": "Tamil", "te": "Telugu",
    "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese",
    "xx": "no language", "zh": "Chinese",
}  # fmt: skip

COUNTRIES = {
    "AR": "Argentina", "AT": "Austria", "AU": "Australia", "BE": "Belgium", "BR": "Brazil", "CA": "Canada",
    "CH": "Switzerland", "CL": "Chile", "CN": "China", "CO": "Colombia", "CZ": "the Czech Republic",
    "DE": "Germany", "DK": "Denmark", "EG": "Egypt", "ES": "Spain", "FI": "Finland", "FR": "France",
    "GB": "the United Kingdom", "GR": "Greece", "HK": "Hong Kong", "HU": "Hungary", "ID": "Indonesia",
    "IE": "Ireland", "IL": "Israel", "IN": "India", "IR": "Iran", "IS": "Iceland", "IT": "Italy", "JP": "Japan",
    "KR": "South Korea", "LU": "Luxembourg", "MX": "Mexico", "NG": "Nigeria", "NL": "the Netherlands",
    "NO": "Norway", "NZ": "New Zealand", "PH": "the Philippines", "PL": "Poland", "PT": "Portugal",
    "RO": "Romania", "RS": "Serbia", "RU": "Russia", "SE": "Sweden", "SU": "the Soviet Union", "TH": "Thailand",
    "TR": "Turkey", "TW": "Taiwan", "UA": "Ukraine", "US": "the United States", "VN": "Vietnam",
    "ZA": "South Africa",
}  # fmt: skip


def language_name(code: str) -> str:
    """The name of an ISO 639-1 code.

    >>> language_name("fr"), language_name("qq")
    ('French', 'qq')
    """
    return LANGUAGES.get(code, code)


def country_name(code: str) -> str:
    """The name of an ISO 3166-1 code, as it stands after "from".

    >>> country_name("GB"), country_name("QQ")
    ('the United Kingdom', 'QQ')
    """
    return COUNTRIES.get(code, code)
