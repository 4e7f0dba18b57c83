r"""Characters as Go 1.26 sorts them (Unicode 15.0).

A character that only a newer Unicode knows, which this Python may have, counts as none: what we take for a letter, vmagent
does too.

Source: https://github.com/golang/go/blob/go1.26.8/src/unicode/tables.go
"""

from unicodedata import ucd_3_2_0

GROUPS = frozenset(
    (
        *("Any", "Ascii", "Assigned", "C", "Casedletter", "Cc", "Cf", "Closepunctuation", "Cn", "Cntrl", "Co"),
        *(
            "Combiningmark",
            "Connectorpunctuation",
            "Control",
            "Cs",
            "Currencysymbol",
            "Dashpunctuation",
            "Decimalnumber",
        ),
        *("Digit", "Enclosingmark", "Finalpunctuation", "Format", "Initialpunctuation", "L", "Lc", "Letter"),
        *("Letternumber", "Lineseparator", "Ll", "Lm", "Lo", "Lowercaseletter", "Lt", "Lu", "M", "Mark", "Mathsymbol"),
        *("Mc", "Me", "Mn", "Modifierletter", "Modifiersymbol", "N", "Nd", "Nl", "No", "Nonspacingmark", "Number"),
        *("Openpunctuation", "Other", "Otherletter", "Othernumber", "Otherpunctuation", "Othersymbol", "P"),
        *(
            "Paragraphseparator",
            "Pc",
            "Pd",
            "Pe",
            "Pf",
            "Pi",
            "Po",
            "Privateuse",
            "Ps",
            "Punct",
            "Punctuation",
            "S",
            "Sc",
        ),
        *("Separator", "Sk", "Sm", "So", "Spaceseparator", "Spacingmark", "Surrogate", "Symbol", "Titlecaseletter"),
        *("Unassigned", "Uppercaseletter", "Z", "Zl", "Zp", "Zs"),
        *("Adlam", "Ahom", "Arabic", "Armenian", "Avestan", "Balinese", "Bamum", "Batak", "Bengali", "Bhaiksuki"),
        *("Bopomofo", "Brahmi", "Braille", "Buginese", "Buhid", "Carian", "Chakma", "Cham", "Cherokee", "Chorasmian"),
        *(
            "Common",
            "Coptic",
            "Cuneiform",
            "Cypriot",
            "Cyrillic",
            "Deseret",
            "Devanagari",
            "Dogra",
            "Duployan",
            "Elbasan",
        ),
        *("Elymaic", "Ethiopic", "Georgian", "Glagolitic", "Gothic", "Grantha", "Greek", "Gujarati", "Gurmukhi", "Han"),
        *(
            "Hangul",
            "Hanunoo",
            "Hatran",
            "Hebrew",
            "Hiragana",
            "Inherited",
            "Javanese",
            "Kaithi",
            "Kannada",
            "Katakana",
        ),
        *("Kawi", "Kharoshthi", "Khmer", "Khojki", "Khudawadi", "Lao", "Latin", "Lepcha", "Limbu", "Lisu", "Lycian"),
        *(
            "Lydian",
            "Mahajani",
            "Makasar",
            "Malayalam",
            "Mandaic",
            "Manichaean",
            "Marchen",
            "Medefaidrin",
            "Miao",
            "Modi",
        ),
        *(
            "Mongolian",
            "Mro",
            "Multani",
            "Myanmar",
            "Nabataean",
            "Nandinagari",
            "Newa",
            "Nko",
            "Nushu",
            "Ogham",
            "Oriya",
        ),
        *("Osage", "Osmanya", "Palmyrene", "Phoenician", "Rejang", "Runic", "Samaritan", "Saurashtra", "Sharada"),
        *("Shavian", "Siddham", "Sinhala", "Sogdian", "Soyombo", "Sundanese", "Syriac", "Tagalog", "Tagbanwa", "Takri"),
        *(
            "Tamil",
            "Tangsa",
            "Tangut",
            "Telugu",
            "Thaana",
            "Thai",
            "Tibetan",
            "Tifinagh",
            "Tirhuta",
            "Toto",
            "Ugaritic",
        ),
        *("Vai", "Vithkuqi", "Wancho", "Yezidi", "Yi"),
    )
)
r"""Names that `\p{...}` knows, without the case, spaces, `_` and `-` that do not matter. (Scripts of several words are none.)"""

_NEWER = frozenset(map(chr, (0x0897, 0x1ACF, 0x1C89, 0x1C8A, 0x20C1, *range(0x2FFC, 0x3000), 0x31E4, 0x31E5, 0x31EF)))
"""Came with 15.1 or later into blocks that were there before, below those that are looked up."""


def is_letter(char: str) -> bool:
    """Whether Go counts it among the letters."""
    return char.isalpha() and _is_old(char)


def is_printable(char: str) -> bool:
    """Whether Go prints it as it is: all but controls, separators other than the space, and what is not assigned."""
    return char.isprintable() and _is_old(char)


def _is_old(char: str) -> bool:
    if char < "\ua000":
        return char not in _NEWER
    return ucd_3_2_0.category(char) != "Cn"
