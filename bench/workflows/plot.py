"""Draws what a step costs as something grows."""

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "bench"
from matplotlib import pyplot  # noqa: E402


def draw(path, what, points):
    """Points are name of the series, how much there is of `what`, milliseconds and processor microseconds a step."""
    figure, (wall, processor) = pyplot.subplots(1, 2, figsize=(9, 3.2))
    for axes, column, label in ((wall, 2, "ms a step"), (processor, 3, "processor µs a step")):
        for name in dict.fromkeys(point[0] for point in points):
            mine = [point for point in points if point[0] == name]
            axes.plot([point[1] for point in mine], [point[column] for point in mine], marker="o", label=name)
        axes.set(xscale="log", xlabel=what, ylabel=label)
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None, "Creator": None})
