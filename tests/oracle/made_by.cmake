# SPDX-License-Identifier: Apache-2.0
# Every stored file names the SHA-256 of the script that made it: whoever changes a script makes its files anew.
function(expect_made_by script)
  file(SHA256 "${CMAKE_CURRENT_LIST_DIR}/${script}" hash)
  foreach(name IN LISTS ARGN)
    file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/${name}" found REGEX "${hash}" LIMIT_COUNT 1)
    if(NOT found)
      message(SEND_ERROR "tests/oracle/${name} was not made by tests/oracle/${script} as it stands (SHA-256 ${hash}): run the script anew")
    endif()
  endforeach()
endfunction()

expect_made_by(make_models.py fixtures/gpt2.safetensors fixtures/bert.safetensors fixtures/llama.safetensors fixtures/t5.safetensors
               fixtures/rules.json)
expect_made_by(tokenizer_ids.py ../tokenizers/fixtures/ids.json)
expect_made_by(llama3_ids.py ../tokenizers/fixtures/llama3/ids.json)
expect_made_by(wordpiece_files.py ../tokenizers/fixtures/wordpiece_files.json)
