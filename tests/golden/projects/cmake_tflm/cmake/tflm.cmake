# TensorFlow Lite Micro and what it needs, as the library `tflm`: the interpreter and the kernels of this model.
# Made by tinyml 0.1.0; made anew by: tinyml build sine.tflite --board nucleo_f446re --runtime tflm
#
# A tree of your own is used where you name one, else the pinned sources are fetched:
#
#     cmake --preset Release -DTFLM_DIR=/path/to/tflite-micro
#
# TFLM_DIR is a clone of tflite-micro (with its third_party_downloads), or a tree that its create_tflm_tree.py made. Its
# companions are looked for inside of it and beside it, and each can be named: CMSIS_NN_DIR, FLATBUFFERS_DIR, GEMMLOWP_DIR,
# RUY_DIR. The environment variables of the same names work too.
function(find_source name marker repository commit)
    set(${name}_DIR "" CACHE PATH "Sources of ${name}; empty: found beside TFLM, or fetched")
    set(own ${${name}_DIR})
    if(NOT own)
        set(own $ENV{${name}_DIR})
    endif()
    set(places ${own})
    if(TFLM_SOURCE AND NOT own)
        string(TOLOWER ${name} folder)
        string(REPLACE "_" "-" dashed ${name})
        set(places
            ${TFLM_SOURCE}/third_party/${folder}
            ${TFLM_SOURCE}/tensorflow/lite/micro/tools/make/downloads/${folder}
            ${TFLM_SOURCE}/../${folder}
            ${TFLM_SOURCE}/../${dashed})
    endif()
    foreach(place ${places})
        if(EXISTS ${place}/${marker})
            set(${name}_SOURCE ${place} PARENT_SCOPE)
            message(STATUS "${name}: ${place}")
            return()
        endif()
    endforeach()
    if(own)
        message(FATAL_ERROR "${name}_DIR is '${own}', but there is no ${marker} in it")
    endif()
    # Git checks every byte against the commit's id, and the server against its certificate.
    set(folder ${CMAKE_BINARY_DIR}/_sources/${name})
    if(NOT EXISTS ${folder}/complete)
        message(STATUS "${name}: fetching ${commit} of ${repository}")
        find_package(Git QUIET)
        file(REMOVE_RECURSE ${folder})
        set(git ${GIT_EXECUTABLE} -c http.sslVerify=true -c transfer.fsckObjects=true -C ${folder})
        set(reason "there is no Git")
        if(GIT_FOUND)
            file(MAKE_DIRECTORY ${folder})
            execute_process(
                COMMAND ${git} init --quiet --template=
                COMMAND_ERROR_IS_FATAL ANY)
            execute_process(
                COMMAND ${git} fetch --quiet --depth 1 ${repository} ${commit}
                RESULT_VARIABLE code ERROR_VARIABLE reason)
        endif()
        if(GIT_FOUND AND code EQUAL 0)
            execute_process(COMMAND ${git} checkout --quiet --detach ${commit} RESULT_VARIABLE code ERROR_VARIABLE reason)
            execute_process(COMMAND ${git} rev-parse HEAD OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE)
        endif()
        if(NOT "${code}" STREQUAL "0" OR NOT "${found}" STREQUAL "${commit}")
            file(REMOVE_RECURSE ${folder})
            message(FATAL_ERROR "${repository} cannot be fetched (${reason}): name a tree that you have, with "
                "-DTFLM_DIR=/path/to/tflite-micro or the environment variable TFLM_DIR")
        endif()
        file(TOUCH ${folder}/complete)
    endif()
    if(NOT EXISTS ${folder}/${marker})
        message(FATAL_ERROR "there is no ${marker} in ${commit} of ${repository}")
    endif()
    set(${name}_SOURCE ${folder} PARENT_SCOPE)
endfunction()

find_source(TFLM tensorflow/lite/micro/micro_interpreter.h
    https://github.com/tensorflow/tflite-micro.git 90b983c2b3f1480642e040bbd2ddb37b998f3424)
find_source(FLATBUFFERS include/flatbuffers/flatbuffers.h
    https://github.com/google/flatbuffers.git 187240970746d00bbd26b0f5873ed54d2477f9f3)
find_source(GEMMLOWP fixedpoint/fixedpoint.h
    https://github.com/google/gemmlowp.git 719139ce755a0f31cbf1c37f7f98adcc7fc9f425)
find_source(RUY ruy/profiler/instrumentation.h
    https://github.com/google/ruy.git d37128311b445e758136b8602d1bbd2a755e115d)
find_source(CMSIS_NN Include/arm_nnfunctions.h
    https://github.com/ARM-software/CMSIS-NN.git 99f736a63036613032f9b70de36b493bcd7802d4)

# The interpreter runs once per layer: compiled for size.
set(interpreter
    ${TFLM_SOURCE}/tensorflow/compiler/mlir/lite/core/api/error_reporter.cc
    ${TFLM_SOURCE}/tensorflow/compiler/mlir/lite/schema/schema_utils.cc
    ${TFLM_SOURCE}/tensorflow/lite/core/api/flatbuffer_conversions.cc
    ${TFLM_SOURCE}/tensorflow/lite/core/api/tensor_utils.cc
    ${TFLM_SOURCE}/tensorflow/lite/core/c/common.cc
    ${TFLM_SOURCE}/tensorflow/lite/kernels/internal/common.cc
    ${TFLM_SOURCE}/tensorflow/lite/kernels/internal/portable_tensor_utils.cc
    ${TFLM_SOURCE}/tensorflow/lite/kernels/internal/quantization_util.cc
    ${TFLM_SOURCE}/tensorflow/lite/kernels/internal/reference/portable_tensor_utils.cc
    ${TFLM_SOURCE}/tensorflow/lite/kernels/internal/runtime_shape.cc
    ${TFLM_SOURCE}/tensorflow/lite/kernels/internal/tensor_ctypes.cc
    ${TFLM_SOURCE}/tensorflow/lite/kernels/internal/tensor_utils.cc
    ${TFLM_SOURCE}/tensorflow/lite/kernels/kernel_util.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/arena_allocator/non_persistent_arena_buffer_allocator.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/arena_allocator/persistent_arena_buffer_allocator.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/arena_allocator/single_arena_buffer_allocator.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/flatbuffer_utils.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/kernels/kernel_util.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/kernels/micro_tensor_utils.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/memory_helpers.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/memory_planner/greedy_memory_planner.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/memory_planner/linear_memory_planner.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/micro_allocation_info.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/micro_allocator.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/micro_context.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/micro_interpreter.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/micro_interpreter_context.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/micro_interpreter_graph.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/micro_log.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/micro_op_resolver.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/micro_resource_variable.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/micro_utils.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/tflite_bridge/flatbuffer_conversions_bridge.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/tflite_bridge/micro_error_reporter.cc
)
set_source_files_properties(${interpreter} PROPERTIES COMPILE_OPTIONS -Os)

# Kernels of the operators in sine.tflite.
add_library(tflm STATIC ${interpreter}
    ${TFLM_SOURCE}/tensorflow/lite/micro/kernels/cmsis_nn/fully_connected.cc
    ${TFLM_SOURCE}/tensorflow/lite/micro/kernels/fully_connected_common.cc
)

foreach(folder ConvolutionFunctions FullyConnectedFunctions NNSupportFunctions TransposeFunctions)
    file(GLOB sources CONFIGURE_DEPENDS ${CMSIS_NN_SOURCE}/Source/${folder}/*.c)
    list(FILTER sources EXCLUDE REGEX "_f16|_f32") # floating point is not among them
    target_sources(tflm PRIVATE ${sources})
endforeach()
target_include_directories(tflm SYSTEM PUBLIC ${CMSIS_NN_SOURCE} ${CMSIS_NN_SOURCE}/Include)
target_compile_definitions(tflm PUBLIC CMSIS_NN KERNELS_OPTIMIZED_FOR_SPEED)

target_include_directories(tflm SYSTEM PUBLIC
    ${TFLM_SOURCE}
    ${FLATBUFFERS_SOURCE}/include
    ${GEMMLOWP_SOURCE}
    ${RUY_SOURCE})
target_compile_definitions(tflm PUBLIC
    TF_LITE_STATIC_MEMORY
    TF_LITE_DISABLE_X86_NEON
    FLATBUFFERS_LOCALE_INDEPENDENT=0)
# Other people's code: its warnings are not ours to mend.
target_compile_options(tflm PRIVATE -O3 -w
    $<$<COMPILE_LANGUAGE:CXX>:-fno-threadsafe-statics>)
