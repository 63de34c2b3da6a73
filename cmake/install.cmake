# SPDX-License-Identifier: Apache-2.0
# Package files go below share/, because none of them depends on the architecture.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(raptr_package_dir "${CMAKE_INSTALL_DATADIR}/cmake/raptr")
target_include_directories(raptr INTERFACE "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp" PATTERN "*.cuh")

install(TARGETS raptr EXPORT raptr-targets)
install(EXPORT raptr-targets NAMESPACE raptr:: DESTINATION "${raptr_package_dir}")
if(TARGET raptr_io)
  install(TARGETS raptr_io EXPORT raptr-io-targets)
  install(EXPORT raptr-io-targets NAMESPACE raptr:: DESTINATION "${raptr_package_dir}")
endif()

configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/raptr-config.cmake.in" "${PROJECT_BINARY_DIR}/raptr-config.cmake"
                              INSTALL_DESTINATION "${raptr_package_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/raptr-config-version.cmake" COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/raptr-config.cmake" "${PROJECT_BINARY_DIR}/raptr-config-version.cmake"
              "${CMAKE_CURRENT_LIST_DIR}/raptr-cuda.cmake" DESTINATION "${raptr_package_dir}")

# raptr.pc locates the headers relative to itself, so the installed tree is relocatable.
file(RELATIVE_PATH raptr_pc_to_include "${CMAKE_INSTALL_FULL_DATADIR}/pkgconfig" "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
configure_file("${CMAKE_CURRENT_LIST_DIR}/raptr.pc.in" "${PROJECT_BINARY_DIR}/raptr.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/raptr.pc" DESTINATION "${CMAKE_INSTALL_DATADIR}/pkgconfig")
