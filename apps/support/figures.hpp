// SPDX-License-Identifier: Apache-2.0
//
// Figures as data: a program describes them in figures.json, and draw_figures.py (beside this file) draws them with
// python3-matplotlib. So the program needs no plotting library, and a figure can be drawn again, or restyled, later.
//
// The description: {"figures": [{"file": "energy.png", "kind": "lines" or "maps", ...}]}; all its keys are explained at the
// top of draw_figures.py. Data are named by file and column (CSV), or by file and offset (raw doubles in an HDF5 file).
#pragma once

#include <filesystem>
#include <string>

namespace support {

/// Runs draw_figures.py on folder/figures.json. Returns a warning to print, empty if the figures were drawn: pictures are
/// no reason to fail a run.
/// Call it when no ranks run: it starts a process.
std::string draw_figures(const std::filesystem::path& folder);

/// The script, beside the program in the build tree or in the installed tree; empty if it is in neither.
std::filesystem::path find_figure_script(const std::filesystem::path& program_folder);

}  // namespace support
