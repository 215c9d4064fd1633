# SPDX-License-Identifier: Apache-2.0
#
# What `cmake --install` installs besides the programs: headers, the library, its package files for CMake and pkg-config,
# the licence. Everything finds itself from where it lies, so a prefix may be moved. cpack -G DEB packs the same.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

target_include_directories(skein PUBLIC "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
install(TARGETS skein EXPORT skein)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/skein" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp"
                                                                                          PATTERN "*.h")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}" RENAME copyright)

# gdb: info ranks, rank N.
install(FILES "${PROJECT_SOURCE_DIR}/scripts/skein_gdb.py" DESTINATION "${CMAKE_INSTALL_DATADIR}/skein")

# CMake: find_package(skein). What only an archive's users must link is looked for only with an archive.
get_target_property(skein_type skein TYPE)
set(skein_is_archive OFF)
if(skein_type STREQUAL "STATIC_LIBRARY")
  set(skein_is_archive ON)
endif()
set(skein_package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/skein")
install(EXPORT skein NAMESPACE skein:: FILE skein-targets.cmake DESTINATION "${skein_package_folder}")
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/skein-config.cmake.in" "${PROJECT_BINARY_DIR}/skein-config.cmake"
                              INSTALL_DESTINATION "${skein_package_folder}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/skein-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/skein-config.cmake" "${PROJECT_BINARY_DIR}/skein-config-version.cmake"
        DESTINATION "${skein_package_folder}")

# pkg-config. What Skein uses is linked by path, because hwloc.pc asks under --static for archives that Debian does not have,
# and because MPIs have no common name. With an archive this is public: --libs is enough, with or without --static.
get_target_property(skein_boost_context Boost::context LOCATION)
set(skein_private_libraries ${HWLOC_LINK_LIBRARIES} ${skein_boost_context})
if(SKEIN_HAS_MPI)
  list(APPEND skein_private_libraries ${MPI_CXX_LIBRARIES})
endif()
list(TRANSFORM skein_private_libraries REPLACE " " "\\\\ ")
list(JOIN skein_private_libraries " " skein_private_libraries)
set(skein_public_libraries "")
if(skein_is_archive)
  set(skein_public_libraries "${skein_private_libraries}")
  set(skein_private_libraries "")
endif()
file(RELATIVE_PATH skein_prefix_from_pc "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" skein_prefix_from_pc "${skein_prefix_from_pc}")
configure_file("${CMAKE_CURRENT_LIST_DIR}/skein.pc.in" "${PROJECT_BINARY_DIR}/skein.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/skein.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

if(PROJECT_IS_TOP_LEVEL)
  include(skein_debian)
endif()
