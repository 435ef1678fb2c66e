"""How the budget of a monitor is spread over its columns and their channels (statistics, section 4).

Fixed weights that sum to 1: the average of e-processes so weighted is one again, whatever the columns have to do
with each other.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from driftd.detect.evidence.innovations import Mask
from driftd.detect.evidence.scores import MEANS
from driftd.references.profile import ColumnProfile, Floats
from driftd.values.budget import importance_of
from driftd.values.keys import Channel, Role

#: What each group of columns gets, of those that there are.
_GROUP_OF = {Role.FEATURE: 0, Role.PREDICTION: 1, Role.LABEL: 2, Role.ERROR: 2}
_GROUPS = (0.5, 0.25, 0.25)

#: What each channel gets of its column: the rates, which tell of data quality, a fifth in all.
_CHANNELS = {
    Channel.LOCATION: 0.5,
    Channel.SCALE: 0.1,
    Channel.SHAPE: 0.2,
    Channel.MISSING: 0.1,
    Channel.UNSEEN: 0.05,
    Channel.INVALID: 0.05,
}


def column_weights(columns: Sequence[ColumnProfile], importances: Mapping[str, float]) -> Floats:
    """Return each column's share: half to features, a quarter each to predictions and to labels and errors.

    Groups without columns leave theirs to the others. Within a group by ``importances`` (default 1).
    """
    group = np.array([_GROUP_OF[column.key.role] for column in columns], dtype=np.int64)
    importance = np.array([importance_of(column.key.name, importances) for column in columns], dtype=np.float64)
    present = [number for number in range(len(_GROUPS)) if (group == number).any()]
    total = sum(_GROUPS[number] for number in present)
    weights = np.zeros(len(columns))
    for number in present:
        mine = group == number
        weights[mine] = _GROUPS[number] / total * importance[mine] / importance[mine].sum()
    return weights


def channel_weights(varies: Mask) -> tuple[Floats, Floats]:
    """Return the shares of the channels that are means (columns, channels), and of the shape (columns).

    What cannot vary in a column gets nothing. They sum to 1 for each column that has anything to watch.
    """
    of_means = np.where(varies, [_CHANNELS[channel] for channel in MEANS], 0.0)
    of_shape = np.where(varies[:, 0], _CHANNELS[Channel.SHAPE], 0.0)
    total = of_means.sum(axis=1) + of_shape
    total = np.where(total > 0, total, 1.0)
    return of_means / total[:, None], of_shape / total
