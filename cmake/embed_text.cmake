# tessera_embed_text(OUT HEADER header NAMESPACE ns FILES function=path ...): writes a .cpp in the build folder in
# which each file is what a function of the header returns, a std::string_view; its path goes into OUT. A file
# that changes is embedded again, since it becomes a dependency of the configuration.
function(tessera_embed_text out)
  cmake_parse_arguments(ARG "" "HEADER;NAMESPACE" "FILES" ${ARGN})
  set(functions "")
  foreach(entry ${ARG_FILES})
    string(REGEX MATCH "^([a-z_]+)=(.+)$" matched "${entry}")
    set(name "${CMAKE_MATCH_1}")
    cmake_path(ABSOLUTE_PATH CMAKE_MATCH_2 BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE OUTPUT_VARIABLE path)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
    file(READ ${path} text)
    string(APPEND functions "std::string_view ${name}() {\n  return R\"TEXT(${text})TEXT\";\n}\n\n")
  endforeach()
  set(file ${CMAKE_CURRENT_BINARY_DIR}/embedded_text.cpp)
  file(CONFIGURE OUTPUT ${file} @ONLY CONTENT [==[#include "@ARG_HEADER@"

namespace @ARG_NAMESPACE@ {

@functions@}  // namespace @ARG_NAMESPACE@
]==])
  set(${out} ${file} PARENT_SCOPE)
endfunction()
