// SPDX-License-Identifier: Apache-2.0
//
// The version of these headers, for the preprocessor. CMake reads the three numbers from here; they stand nowhere else.
#pragma once

#define SKEIN_VERSION_MAJOR 0
#define SKEIN_VERSION_MINOR 1
#define SKEIN_VERSION_PATCH 0

#define SKEIN_DETAIL_JOIN(major, minor, patch) #major "." #minor "." #patch
#define SKEIN_DETAIL_VERSION(major, minor, patch) SKEIN_DETAIL_JOIN(major, minor, patch)

/// "1.2.3"
#define SKEIN_VERSION_STRING SKEIN_DETAIL_VERSION(SKEIN_VERSION_MAJOR, SKEIN_VERSION_MINOR, SKEIN_VERSION_PATCH)
