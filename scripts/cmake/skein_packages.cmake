# SPDX-License-Identifier: Apache-2.0
#
# Finds every outside package. All that is missing is named in one message, with the Debian package that holds it, so
# that nobody installs and configures once per package. SKEIN_HAS_MPI says afterwards whether the MPI layer is built.
set(skein_missing "")

macro(skein_need found what debian)
  if(NOT (${found}))
    string(APPEND skein_missing "\n  ${what}  (Debian: apt install ${debian})")
  endif()
endmacro()

# A project around Skein links what Skein links.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads QUIET)
skein_need(Threads_FOUND "POSIX threads" libc6-dev)
if(NOT TARGET fmt::fmt)
  find_package(fmt QUIET)
  skein_need(fmt_FOUND "fmt" libfmt-dev)
endif()
find_package(PkgConfig QUIET)
skein_need(PkgConfig_FOUND "pkg-config" pkg-config)
if(PkgConfig_FOUND)
  pkg_check_modules(HWLOC QUIET IMPORTED_TARGET GLOBAL hwloc)
  skein_need(HWLOC_FOUND "hwloc" libhwloc-dev)
endif()

if(NOT TARGET Boost::context)
  find_package(Boost QUIET COMPONENTS context)
  skein_need(Boost_CONTEXT_FOUND "Boost.Context" libboost-context-dev)
endif()

# Debian keeps several MPIs in one folder and chooses compiler and launcher by separate alternatives. There Open MPI is
# taken, compiler and launcher alike; MPI_CXX_COMPILER with MPIEXEC_EXECUTABLE takes another (preset mpich).
function(skein_choose_mpi)
  foreach(variable IN ITEMS MPI_CXX_COMPILER MPIEXEC_EXECUTABLE)  # a bare name is found on PATH
    if(${variable} AND NOT IS_ABSOLUTE "${${variable}}")
      unset(path)
      find_program(path NAMES "${${variable}}" NO_CACHE)
      if(path)
        set(${variable} "${path}" CACHE FILEPATH "The MPI to build for" FORCE)
      endif()
    endif()
  endforeach()
  find_program(mpiexec NAMES mpiexec mpirun NO_CACHE)
  get_filename_component(folder "${mpiexec}" DIRECTORY)
  if(NOT MPI_CXX_COMPILER AND NOT MPIEXEC_EXECUTABLE AND NOT MPI_HOME AND NOT DEFINED ENV{MPI_HOME}
     AND EXISTS "${folder}/mpicxx.openmpi" AND EXISTS "${folder}/mpiexec.openmpi")
    set(MPI_CXX_COMPILER "${folder}/mpicxx.openmpi" CACHE FILEPATH "MPI compiler for CXX")
    set(MPIEXEC_EXECUTABLE "${folder}/mpiexec.openmpi" CACHE FILEPATH "Executable for running MPI programs.")
  endif()
endfunction()

set(SKEIN_HAS_MPI OFF)
if(NOT SKEIN_WITH_MPI STREQUAL "OFF")
  skein_choose_mpi()
  set(MPI_CXX_SKIP_MPICXX ON)  # the C interface is enough; the C++ one was removed from the standard
  find_package(MPI QUIET COMPONENTS CXX)
  if(MPI_CXX_FOUND)
    set(SKEIN_HAS_MPI ON)
  elseif(NOT SKEIN_WITH_MPI STREQUAL "AUTO")
    skein_need(MPI_CXX_FOUND "MPI (or configure with -DSKEIN_WITH_MPI=OFF)" "libopenmpi-dev openmpi-bin")
  endif()
endif()

if(SKEIN_BUILD_APPS)
  find_package(Eigen3 QUIET NO_MODULE)
  skein_need(Eigen3_FOUND "Eigen (apps; or -DSKEIN_BUILD_APPS=OFF)" libeigen3-dev)
  find_package(CLI11 QUIET)
  skein_need(CLI11_FOUND "CLI11 (apps)" libcli11-dev)
  find_package(tomlplusplus QUIET)
  skein_need(tomlplusplus_FOUND "toml++ (apps)" libtomlplusplus-dev)
  find_package(nlohmann_json QUIET)
  skein_need(nlohmann_json_FOUND "nlohmann json (apps)" nlohmann-json3-dev)
  find_package(HDF5 QUIET COMPONENTS C)
  skein_need(HDF5_FOUND "HDF5, the serial package (apps)" libhdf5-dev)
endif()
if(SKEIN_BUILD_TESTS)
  find_package(GTest QUIET)
  skein_need(GTest_FOUND "GoogleTest (tests; or -DSKEIN_BUILD_TESTS=OFF)" libgtest-dev)
endif()

if(skein_missing)
  message(FATAL_ERROR "Skein cannot be configured; what is missing:${skein_missing}\n"
                      "scripts/install_packages installs all of it on Debian.")
endif()
unset(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL)
message(STATUS "Skein: MPI layer ${SKEIN_HAS_MPI}, apps ${SKEIN_BUILD_APPS}, tests ${SKEIN_BUILD_TESTS}")
