"""What hostile or unlucky people type into names and messages, and how it arrives (R5)."""

from typing import Final

FSI: Final = "\u2068"
PDI: Final = "\u2069"
ARABIC: Final = "\u200f\u0645\u0631\u062d\u0628\u0627, Léa!"  # "Hello", after a right-to-left mark.

# What was typed, and the lines that arrive.
MESSAGES: Final[dict[str, tuple[str, list[str]]]] = {
    "plain": ("Bravo !", ["Bravo !"]),
    "nothing but blanks": (" \n\t\n ", []),
    "HTML": (
        "<script>alert(1)</script><img src=//evil.example/x>",
        ["<script>alert(1)</script><img src=//evil.example/x>"],
    ),
    "the end of our elements": ("</td></table></html>", ["</td></table></html>"]),
    "entities": ("&lt;b&gt; &amp; &#0;", ["&lt;b&gt; &amp; &#0;"]),
    "quotes": ("\"' onload='x' `", ["\"' onload='x' `"]),
    "a template": ("{{ code }}{% raw %}", ["{{ code }}{% raw %}"]),
    "a comment and a style": ("<!-- --><style>p{}</style>", ["<!-- --><style>p{}</style>"]),
    "every line end": ("a\r\nb\rc\vd\u2028e\u2029f\x85g", ["a", "b", "c", "d", "e", "f", "g"]),
    "a header": ("x\r\nBcc: all@evil.example", ["x", "Bcc: all@evil.example"]),
    "blank lines": ("\n\na\n\nb\n\n", ["a", "", "b"]),
    "controls": ("a\0b\x1bc\x7f", ["a\ufffdb\ufffdc\ufffd"]),
    "an override": ("a\u202edcba", ["a\u202edcba"]),
    "Arabic with marks": (ARABIC, [ARABIC]),
    "emoji": ("👩‍👩‍👧🇫🇷🎁", ["👩‍👩‍👧🇫🇷🎁"]),
    "a word of 500 letters": ("W" * 500, ["W" * 500]),
    "500 emoji": ("🎁" * 500, ["🎁" * 500]),
    "a dot alone": ("a\n.\nb", ["a", ".", "b"]),
    "what looks like a quoted line": ("> a\n-- \nb", ["> a", "--", "b"]),
}

# What was typed as a name, and how it stands in a subject.
NAMES: Final[dict[str, tuple[str, str]]] = {
    "plain": ("Camille", "Camille"),
    "a header": ("Camille\r\nBcc: all@evil.example", "Camille Bcc: all@evil.example"),
    "HTML": ("<b>Camille</b>", "<b>Camille</b>"),
    "an override": ("Camille\u202e\u2066x", "Camillex"),
    "an end that is not its own": ("Camille\u2069\u2069", "Camille"),
    "a tab and blanks": (" Camille\t  M. ", "Camille M."),
    "long": ("Camille " * 20, "Camille Camille Camille Camille Camille…"),
    "Persian": ("می‌خواهم", "می‌خواهم"),
    "quotes and a comma": ('"Camille", M', '"Camille", M'),
    "an encoded word": ("=?utf-8?q?x=0D=0ABcc=3A_y?=", "= ?utf-8?q?x=0D=0ABcc=3A_y?="),
}
