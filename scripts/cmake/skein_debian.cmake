# SPDX-License-Identifier: Apache-2.0
#
# A Debian package of the install: configure with -DCMAKE_INSTALL_PREFIX=/usr, build, then cpack -G DEB in the build folder.
# What its programs need is found by dpkg-shlibdeps where that can run; what its users compile and link is named here.
set(CPACK_PACKAGE_NAME skein)
set(CPACK_PACKAGE_VENDOR "The Skein authors")
set(CPACK_PACKAGE_CONTACT "The Skein authors <skein@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DESCRIPTION
"Skein is a C++20 library for physics codes whose steps are short. A fixed team of
ranks runs one program (SPMD) on pinned threads of one or several MPI processes,
shares memory, and meets in barriers and reductions that read like MPI's.
This package holds the headers, the library and its programs.")
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS  # whatever the umask
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEBIAN_PACKAGE_NAME libskein-dev)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_PACKAGE_DEPENDS "libboost-context-dev, libfmt-dev, libhwloc-dev, pkg-config")
if(SKEIN_HAS_MPI AND MPI_CXX_LIBRARIES MATCHES "openmpi")
  string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", libopenmpi-dev")
elseif(SKEIN_HAS_MPI AND MPI_CXX_LIBRARIES MATCHES "mpich")
  string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", libmpich-dev")
endif()
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)  # by dpkg-shlibdeps and file; CPack says when they are missing
if(SKEIN_BUILD_APPS)
  set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "python3-matplotlib, python3-numpy")
endif()
include(CPack)
