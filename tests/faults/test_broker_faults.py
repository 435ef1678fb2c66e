"""The broker goes away while it is written to and read."""

from pathlib import Path

import pytest
from fault_ground import Ground, read
from fault_row import Fault
from fault_traffic import records
from probes import Probes, not_ready, seconds_until

from broker import LocalBroker

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]

OUTAGES = {
    "stopped": (LocalBroker.stop, LocalBroker.restart, 3, 30),
    "killed": (LocalBroker.kill, LocalBroker.restart, 0, 0),
    "frozen": (LocalBroker.freeze, LocalBroker.thaw, 5, 60),
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_nothing_is_lost_while_the_broker_is_gone(outage: str, ground: Ground, tmp_path: Path, fault: Fault) -> None:
    """Live and not ready meanwhile; afterwards verdicts and counts are those of an undisturbed run."""
    begin, end, *lengths = OUTAGES[outage]
    seconds = fault.lasting(*lengths)
    with ground.streamed(tmp_path, 6) as (process, stream, topic):
        with Probes(process) as probes:
            begin(ground.broker)
            took = seconds_until(process, not_ready(process, "no broker can be reached"), "it says so")
            assert process.lives_for(max(seconds - took, 0))
            before = read(process)
            end(ground.broker)
            missing = before < len(records())  # on a slow machine all may have been read before the fault
            recovery = seconds_until(
                process, lambda: process.ready() and (read(process) > before or not missing), "it reads on"
            )
        stream.finish()
        aftermath = ground.compare(ground.finish(process, topic))
    assert probes.live
    assert {"no broker can be reached"} == set(probes.reasons)
    fault.tell(
        f"broker {outage}, for {max(seconds, took):.0f} s",
        "reads on where it was; verdicts, counts and memory as undisturbed",
        probes=probes,
        recovery_seconds=recovery,
        aftermath=aftermath,
    )
