# What `cmake --install` installs.
include(GNUInstallDirs)

install(PROGRAMS "${library_dir}/libdlbridge.so"
    DESTINATION ${CMAKE_INSTALL_LIBDIR} RENAME ${real_name})
set(links "${CMAKE_CURRENT_BINARY_DIR}/links")
file(MAKE_DIRECTORY "${links}")
file(CREATE_LINK ${real_name} "${links}/${shared_library}" SYMBOLIC)
file(CREATE_LINK ${shared_library} "${links}/libdlbridge.so" SYMBOLIC)
install(FILES "${links}/${shared_library}" "${links}/libdlbridge.so"
    DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES "${library_dir}/libdlbridge.a" DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/dlbridge DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/dlbridge)
set(library_dir ${CMAKE_INSTALL_LIBDIR})
set(include_dir ${CMAKE_INSTALL_INCLUDEDIR})
set(in_build_tree FALSE)
configure_package_config_file(cmake/dlbridge-config.cmake.in installed/dlbridge-config.cmake
    INSTALL_DESTINATION ${package_dir}
    PATH_VARS include_dir library_dir)
install(FILES
    "${CMAKE_CURRENT_BINARY_DIR}/installed/dlbridge-config.cmake"
    "${CMAKE_CURRENT_BINARY_DIR}/dlbridge-config-version.cmake"
    DESTINATION ${package_dir})

# Relative, whether or not CMAKE_INSTALL_LIBDIR and the like are absolute.
set(pc_dir "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig")
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX
    BASE_DIRECTORY "${pc_dir}" OUTPUT_VARIABLE prefix_from_pc)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_LIBDIR
    BASE_DIRECTORY "${pc_dir}" OUTPUT_VARIABLE lib_from_pc)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_INCLUDEDIR
    BASE_DIRECTORY "${pc_dir}" OUTPUT_VARIABLE include_from_pc)
list(JOIN native_libraries " " libraries_of_pc)
configure_file(cmake/dlbridge.pc.in installed/dlbridge.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/installed/dlbridge.pc"
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
