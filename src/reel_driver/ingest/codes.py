"""Names of languages, countries, kinds and verdicts as they occur in files, and what we call them."""

from __future__ import annotations

from reel_driver.domain import Kind, Verdict

LANGUAGES: dict[str, str] = {
    name: code
    for code, names in {
        "af": "afrikaans afr", "am": "amharic amh", "ar": "arabic ara", "az": "azerbaijani aze", "be": "belarusian bel",
        "bg": "bulgarian bul", "bn": "bengali bangla ben", "bs": "bosnian bos", "ca": "catalan cat", "cs": "czech ces cze",
        "cy": "welsh cym wel", "da": "danish dan", "de": "german deutsch deu ger", "el": "greek ell gre", "en": "english eng",
        "eo": "esperanto epo", "es": "spanish castilian español spa", "et": "estonian est", "eu": "basque eus baq",
        "fa": "persian farsi fas per", "fi": "finnish fin", "fr": "french français fra fre", "ga": "irish gle",
        "gl": "galician glg", "gu": "gujarati guj", "he": "hebrew heb", "hi": "hindi hin", "hr": "croatian hrv",
        "hu": "hungarian hun", "hy": "armenian hye arm", "id": "indonesian ind", "is": "icelandic isl ice",
        "it": "italian italiano ita", "ja": "japanese jpn", "ka": "georgian kat geo", "kk": "kazakh kaz", "km": "khmer khm",
        "kn": "kannada kan", "ko": "korean kor", "la": "latin lat", "lt": "lithuanian lit", "lv": "latvian lav",
        "mk": "macedonian mkd mac", "ml": "malayalam mal", "mn": "mongolian mon", "mr": "marathi mar", "ms": "malay msa may",
        "nb": "bokmål nob", "ne": "nepali nep", "nl": "dutch flemish nld dut", "no": "norwegian nor", "pa": "punjabi pan",
        "pl": "polish pol", "ps": "pashto pus", "pt": "portuguese português por", "ro": "romanian ron rum",
        "ru": "russian rus", "si": "sinhala sin", "sk": "slovak slk slo", "sl": "slovenian slovene slv", "so": "somali som",
        "sq": "albanian sqi alb", "sr": "serbian srp", "sv": "swedish swe", "sw": "swahili swa", "ta": "tamil tam",
        "te": "telugu tel", "th": "thai tha", "tl": "tagalog filipino tgl fil", "tr": "turkish tur", "uk": "ukrainian ukr",
        "ur": "urdu urd", "uz": "uzbek uzb", "vi": "vietnamese vie", "xx": "none zxx silent", "yi": "yiddish yid",
        "zh": "chinese mandarin zho chi cmn", "cn": "cantonese yue", "zu": "zulu zul",
    }.items()
    for name in names.split()
}  # fmt: skip
"""Language name or three-letter code to the code that TMDB uses (`cn` for Cantonese and `xx` for none are TMDB's own)."""

COUNTRIES: dict[str, str] = {
    name: code
    for code, names in {
        "AE": "united arab emirates,uae,are", "AR": "argentina,arg", "AT": "austria,aut", "AU": "australia,aus",
        "BD": "bangladesh,bgd", "BE": "belgium,bel", "BG": "bulgaria,bgr", "BR": "brazil,brasil,bra", "CA": "canada,can",
        "CH": "switzerland,che", "CL": "chile,chl", "CN": "china,chn,mainland china", "CO": "colombia,col",
        "CU": "cuba,cub", "CY": "cyprus,cyp", "CZ": "czech republic,czechia,cze", "DE": "germany,deu,west germany",
        "DK": "denmark,dnk", "EE": "estonia,est", "EG": "egypt,egy", "ES": "spain,esp", "FI": "finland,fin",
        "FR": "france,fra", "GB": "united kingdom,uk,great britain,england,scotland,wales,gbr", "GE": "georgia,geo",
        "GH": "ghana,gha", "GR": "greece,grc", "HK": "hong kong,hkg", "HR": "croatia,hrv", "HU": "hungary,hun",
        "ID": "indonesia,idn", "IE": "ireland,irl", "IL": "israel,isr", "IN": "india,ind", "IQ": "iraq,irq",
        "IR": "iran,irn", "IS": "iceland,isl", "IT": "italy,italia,ita", "JM": "jamaica,jam", "JO": "jordan,jor",
        "JP": "japan,jpn", "KE": "kenya,ken", "KH": "cambodia,khm", "KR": "south korea,korea,republic of korea,kor",
        "KW": "kuwait,kwt", "LB": "lebanon,lbn", "LT": "lithuania,ltu", "LU": "luxembourg,lux", "LV": "latvia,lva",
        "MA": "morocco,mar", "MT": "malta,mlt", "MX": "mexico,méxico,mex", "MY": "malaysia,mys", "NG": "nigeria,nga",
        "NL": "netherlands,the netherlands,holland,nld", "NO": "norway,nor", "NZ": "new zealand,nzl", "PE": "peru,per",
        "PH": "philippines,phl", "PK": "pakistan,pak", "PL": "poland,pol", "PR": "puerto rico,pri", "PS": "palestine,pse",
        "PT": "portugal,prt", "QA": "qatar,qat", "RO": "romania,rou", "RS": "serbia,srb", "RU": "russia,rus",
        "SA": "saudi arabia,sau", "SE": "sweden,swe", "SG": "singapore,sgp", "SI": "slovenia,svn", "SK": "slovakia,svk",
        "SN": "senegal,sen", "SU": "soviet union,ussr", "SY": "syria,syr", "TH": "thailand,tha", "TN": "tunisia,tun",
        "TR": "turkey,türkiye,tur", "TW": "taiwan,twn", "UA": "ukraine,ukr",
        "US": "united states,united states of america,usa,u.s.a.,u.s.", "UY": "uruguay,ury", "VE": "venezuela,ven",
        "VN": "vietnam,vnm", "YU": "yugoslavia,yug", "ZA": "south africa,zaf", "ZW": "zimbabwe,zwe",
    }.items()
    for name in names.split(",")
}  # fmt: skip
"""Country name or three-letter code to the two-letter code."""

KINDS: dict[str, Kind | None] = {
    **dict.fromkeys(("movie", "film", "feature", "featurefilm", "tvmovie", "short", "tvshort", "video"), Kind.MOVIE),
    **dict.fromkeys(("documentary", "tvspecial", "standupspecial"), Kind.MOVIE),
    **dict.fromkeys(
        ("show", "tv", "tvshow", "series", "tvseries", "miniseries", "tvminiseries", "scripted"), Kind.SHOW
    ),
    **dict.fromkeys(("season", "tvseason", "episode", "tvepisode", "tvepisodepack", "episodepack"), Kind.SHOW),
    "unknown": None,
}
"""Letters of a kind to ours; None where the file itself does not know."""

VERDICTS: dict[str, Verdict] = {
    **dict.fromkeys(
        ("wouldnotwatch", "0", "no", "n", "false", "f", "wouldntwatch", "dislike"), Verdict.WOULD_NOT_WATCH
    ),
    **dict.fromkeys(("wouldwatch", "1", "yes", "y", "true", "t", "like"), Verdict.WOULD_WATCH),
    **dict.fromkeys(("wouldwatchagain", "2", "again", "love"), Verdict.WOULD_WATCH_AGAIN),
}
"""Letters and digits of a label to the verdict."""

GENRES: dict[str, str] = {
    "sci-fi": "Science Fiction",
    "scifi": "Science Fiction",
    "science-fiction": "Science Fiction",
}
"""Other names of TMDB's genres."""
