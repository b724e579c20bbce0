"""ETags of answers and ``If-None-Match`` (RFC 9110, 13.1.2)."""


def entity_tag(value: str) -> str:
    """A strong entity tag of any text; stores quote theirs, or do not."""
    return '"' + "".join(c for c in value if "!" <= c <= "~" and c != '"') + '"'


def not_modified(if_none_match: str | None, tag: str) -> bool:
    """Whether the client has the present version. Compared weakly, as the header asks."""
    if not if_none_match:
        return False
    given = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return "*" in given or tag in given
