#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Draws the figures that a program described: draw_figures.py FOLDER/figures.json

All files are named relative to the description. A figure has `file`, `kind`, `title` and, optionally, `subtitle`, and

  kind "lines": x_label, y_label, y_scale ("log" or "linear"), x_range, y_range ([from, to], optional),
      series: a list of {label, look, and either points [[x, y], ...] or csv, x, y}, where x and y name columns of a CSV
          file whose header is "name [unit],name [unit],..."; looks: data, fit, theory, marks
      spans: a list of {from, to, label}: shaded ranges of x
      note: lines of text; note_at: its corner, such as "upper right"
  kind "maps": x_label, y_label, value_label, y_range, quantity ("value", or "deviation" from the mean over x),
      panels: a list of {title, raw, offset, shape [nx, ny], x [from, to], y [from, to]}, where raw names a file that
          holds nx * ny little-endian doubles, y fastest, from byte `offset` on (an HDF5 array without compression)

exit status: 0 all drawn, 3 matplotlib is missing, 1 anything else
"""
import csv
import json
import os
import sys

try:
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np
except ImportError as error:
    print(f"draw_figures: {error}", file=sys.stderr)
    sys.exit(3)

INK = "#1d2733"
SOFT = "#6b7785"
GRID = "#e3e8ee"
LOOKS = {
    "data": dict(color="#2f6db5", lw=1.6, zorder=3),
    "fit": dict(color="#d1495b", lw=2.0, ls=(0, (5, 2)), zorder=5),
    "theory": dict(color="#2b9a66", lw=1.2, alpha=0.9, zorder=4),
    "marks": dict(color="#d1495b", ls="none", marker="o", ms=5.5, mfc="white", mew=1.4, zorder=6),
}
plt.rcParams.update({
    "figure.facecolor": "white", "axes.facecolor": "white", "savefig.dpi": 150,
    "font.family": "DejaVu Sans", "font.size": 10.5, "text.color": INK, "axes.labelcolor": INK,
    "xtick.color": SOFT, "ytick.color": SOFT, "axes.edgecolor": "#b6c0cb", "axes.linewidth": 0.8,
    "mathtext.fontset": "dejavusans", "legend.frameon": False,
})


def column(folder, path, name):
    with open(os.path.join(folder, path), newline="") as file:
        rows = csv.reader(file)
        names = [title.split(" [")[0] for title in next(rows)]
        index = names.index(name)
        return np.array([float(row[index]) for row in rows])


def head(figure, left, title, subtitle):
    """Title and subtitle flush left, a fixed distance from the top whatever the height; returns the top left to axes."""
    height = figure.get_size_inches()[1]
    figure.text(left, 1 - 0.22 / height, title, fontsize=14, fontweight="bold", va="top")
    figure.text(left, 1 - 0.53 / height, subtitle, fontsize=10, color=SOFT, va="top")
    return 1 - 0.95 / height


def draw_lines(folder, spec):
    figure = plt.figure(figsize=(8.6, 5.2))
    top = head(figure, 0.095, spec["title"], spec.get("subtitle", "")) - 0.04
    axes = figure.add_axes([0.095, 0.115, 0.875, top - 0.115])
    for span in spec.get("spans", []):
        axes.axvspan(span["from"], span["to"], color="#f2f5f9", zorder=0, label=span.get("label"))
    for series in spec["series"]:
        if "points" in series:
            points = np.array(series["points"], dtype=float).reshape(-1, 2)
            x, y = points[:, 0], points[:, 1]
        else:
            x, y = column(folder, series["csv"], series["x"]), column(folder, series["csv"], series["y"])
        if spec.get("y_scale") == "log":
            y = np.where(y > 0, y, np.nan)
        axes.plot(x, y, label=series["label"], **LOOKS[series["look"]])
    axes.set_yscale(spec.get("y_scale", "linear"))
    if "x_range" in spec:
        axes.set_xlim(*spec["x_range"])
    if "y_range" in spec:
        axes.set_ylim(*spec["y_range"])
    axes.set_xlabel(spec["x_label"])
    axes.set_ylabel(spec["y_label"])
    axes.grid(color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if "note" in spec:
        low, right = (word in spec.get("note_at", "upper right") for word in ("lower", "right"))
        axes.text(0.985 if right else 0.015, 0.03 if low else 0.965, spec["note"].replace("-", "−"), zorder=8,
                  transform=axes.transAxes, ha="right" if right else "left", va="bottom" if low else "top", fontsize=10,
                  linespacing=1.5, bbox=dict(boxstyle="round,pad=0.5", fc="white", ec="#d5dce4", lw=0.8, alpha=0.93))
    axes.legend(loc="lower left", bbox_to_anchor=(-0.012, 1.0), ncol=5, fontsize=9.5, handlelength=2.2, columnspacing=1.6)
    figure.savefig(os.path.join(folder, spec["file"]))
    plt.close(figure)


def draw_maps(folder, spec):
    panels = spec["panels"]
    across = min(len(panels), 3)
    down = -(-len(panels) // across)
    size = (1.55 + 2.95 * across, 1.75 + 2.55 * down)
    figure = plt.figure(figsize=size)
    left, right, bottom = 0.75 / size[0], 1 - 1.05 / size[0], 0.6 / size[1]
    top = head(figure, left, spec["title"], spec.get("subtitle", "")) - 0.12 / size[1]
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False,
                           gridspec_kw=dict(left=left, right=right, top=top, bottom=bottom, wspace=0.08, hspace=0.22))
    images = []
    for panel in panels:
        nx, ny = panel["shape"]
        image = np.fromfile(os.path.join(folder, panel["raw"]), dtype="<f8", count=nx * ny,
                            offset=panel["offset"]).reshape(nx, ny)
        images.append(image - image.mean(axis=0) if spec.get("quantity") == "deviation" else image)
    high = max(float(np.max(image)) for image in images) or 1
    if spec.get("quantity") == "deviation":
        high = max(float(np.max(np.abs(image))) for image in images) or 1
        colours = dict(cmap="RdBu_r", vmin=-high, vmax=high)
    else:
        colours = dict(cmap="magma", vmin=0, vmax=high)
    cells = list(grid.flat)
    for cell, panel, image in zip(cells, panels, images):
        # Periodic in x: the first column once more at the end closes the picture.
        image = np.concatenate([image, image[:1]], axis=0)
        drawn = cell.imshow(image.T, origin="lower", aspect="auto", extent=[*panel["x"], *panel["y"]],
                            interpolation="bilinear", **colours)
        cell.set_title(panel["title"], fontsize=10.5, loc="left", pad=4)
        cell.tick_params(length=2, labelsize=9)
        if "y_range" in spec:
            cell.set_ylim(*spec["y_range"])
    for cell in cells[len(panels):]:
        cell.set_visible(False)
    for column_index in range(across):
        rows = [row for row in range(down) if row * across + column_index < len(panels)]
        lowest = grid[rows[-1]][column_index]
        lowest.set_xlabel(spec["x_label"])
        lowest.tick_params(labelbottom=True)
    for row in grid:
        row[0].set_ylabel(spec["y_label"])
    bar = figure.add_axes([right + 0.2 / size[0], bottom, 0.16 / size[0], top - bottom])
    figure.colorbar(drawn, cax=bar, label=spec["value_label"], extend="neither")
    bar.tick_params(length=0, labelsize=9)
    bar.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3), useMathText=True)
    bar.yaxis.get_offset_text().set(fontsize=9, ha="left")
    bar.yaxis.set_offset_position("left")
    figure.savefig(os.path.join(folder, spec["file"]))
    plt.close(figure)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    path = sys.argv[1]
    with open(path) as file:
        description = json.load(file)
    folder = os.path.dirname(os.path.abspath(path))
    for spec in description["figures"]:
        {"lines": draw_lines, "maps": draw_maps}[spec["kind"]](folder, spec)


if __name__ == "__main__":
    main()
