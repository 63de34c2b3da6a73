# SPDX-License-Identifier: Apache-2.0
# raptr::eigen: raptr::raptr and the headers of Eigen 3.4 or newer, where there are any: those of a target Eigen3::Eigen of the parent
# project, or in the folder EIGEN3_INCLUDE_DIR, or in a CMake package. Used by the build tree and, as the component eigen, by the
# installed package. Packages of 5.x refuse a find_package() that asks for 3.4 and have no variables, so none of both is used.
#   raptr_eigen_problem   why there is no target
set(raptr_eigen_problem "")
if(NOT TARGET raptr::eigen)
  if(NOT TARGET Eigen3::Eigen AND EIGEN3_INCLUDE_DIR)
    if(NOT EXISTS "${EIGEN3_INCLUDE_DIR}/Eigen/Core")
      set(raptr_eigen_problem "EIGEN3_INCLUDE_DIR is ${EIGEN3_INCLUDE_DIR}, which has no Eigen/Core")
    endif()
  elseif(NOT TARGET Eigen3::Eigen)
    find_package(Eigen3 CONFIG QUIET)
    if(NOT Eigen3_FOUND)
      set(raptr_eigen_problem "none was found")
    elseif(Eigen3_VERSION VERSION_LESS 3.4)
      set(raptr_eigen_problem "${Eigen3_DIR} is Eigen ${Eigen3_VERSION}")
    endif()
  endif()
  if(NOT raptr_eigen_problem)
    add_library(raptr::eigen INTERFACE IMPORTED GLOBAL)
    target_link_libraries(raptr::eigen INTERFACE raptr::raptr)
    if(TARGET Eigen3::Eigen)
      target_link_libraries(raptr::eigen INTERFACE Eigen3::Eigen)
    else()
      target_include_directories(raptr::eigen INTERFACE "${EIGEN3_INCLUDE_DIR}")
    endif()
  endif()
endif()
