# SPDX-License-Identifier: Apache-2.0
#
# Sets skein_version to the three numbers that stand in include/skein/version.hpp.
file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/../../include/skein/version.hpp" skein_version
     REGEX "^#define SKEIN_VERSION_(MAJOR|MINOR|PATCH) [0-9]+$")
list(TRANSFORM skein_version REPLACE "^.* " "")
list(JOIN skein_version "." skein_version)
if(NOT skein_version MATCHES "^[0-9]+\\.[0-9]+\\.[0-9]+$")
  message(FATAL_ERROR "include/skein/version.hpp must define SKEIN_VERSION_MAJOR, _MINOR and _PATCH as numbers, in this order; "
                      "found: '${skein_version}'")
endif()
