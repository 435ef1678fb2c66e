import pytest

from driftd.errors import TopicRecreated
from driftd.kafka.topic_ids import refuse_recreated


def test_another_id_is_another_topic() -> None:
    """The error has both, and says what can be done."""
    with pytest.raises(TopicRecreated) as refused:
        refuse_recreated({"a": "1", "b": "2"}, {"a": "1", "b": "3"})
    assert (refused.value.topic, refused.value.was, refused.value.now) == ("b", "2", "3")
    assert "driftd state reset starts over" in str(refused.value)


@pytest.mark.parametrize("seen", [{}, {"a": "1"}, {"a": "1", "new": "9"}])
def test_an_unknown_id_speaks_for_and_against_nothing(seen: dict[str, str]) -> None:
    """Neither one that was never known, nor one that is not known now."""
    refuse_recreated({"a": "1", "b": "2"}, seen)
