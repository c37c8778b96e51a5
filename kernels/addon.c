// The door between Node and the kernels: a few functions on numbers and typed arrays. What a program's call passes through here is
// one handle; the addresses and the status lie in typed arrays that were shown once, when the program was prepared.

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdlib.h>

#include "isa.h"
#include "memory.h"
#include "run.h"

typedef struct {
  Prepared *prepared;
  const double *addresses;
  int32_t *status;
  napi_ref keep_addresses, keep_status;
} Handle;

// How many Node environments (the main one and its workers) hold the addon: the last to go ends the threads, since the library may
// be unloaded after it.
static int32_t environments;

static napi_value throw_type(napi_env env, const char *message) {
  napi_throw_type_error(env, 0, message);
  return 0;
}

static napi_value number(napi_env env, double value) {
  napi_value result;
  return napi_create_double(env, value, &result) == napi_ok ? result : 0;
}

// The data of a typed array of the wanted type, or 0 with an exception pending.
static void *typed_data(napi_env env, napi_value value, napi_typedarray_type wanted, size_t *length) {
  napi_typedarray_type type;
  void *data = 0;
  if (napi_get_typedarray_info(env, value, &type, length, &data, 0, 0) != napi_ok || type != wanted) {
    throw_type(env, wanted == napi_int32_array     ? "heed.node: expected an Int32Array"
                    : wanted == napi_uint32_array  ? "heed.node: expected a Uint32Array"
                    : wanted == napi_float32_array ? "heed.node: expected a Float32Array"
                                                   : "heed.node: expected a Float64Array");
    return 0;
  }
  static int32_t nothing[2];
  return data ? data : nothing;
}

static void free_handle(napi_env env, void *data, void *hint) {
  (void)hint;
  Handle *handle = data;
  if (handle->keep_addresses) napi_delete_reference(env, handle->keep_addresses);
  if (handle->keep_status) napi_delete_reference(env, handle->keep_status);
  prepared_free(handle->prepared);
  free(handle);
}

// prepare(words: Int32Array, isa: number, addresses: Float64Array, status: Int32Array[4]) -> handle
static napi_value prepare(napi_env env, napi_callback_info info) {
  napi_value argument[4], result;
  size_t count = 4, words_length = 0, addresses_length = 0, status_length = 0;
  int32_t wanted = 0;
  napi_get_cb_info(env, info, &count, argument, 0, 0);
  if (count < 4 || napi_get_value_int32(env, argument[1], &wanted) != napi_ok) return throw_type(env, "prepare: expected words, isa, addresses, status");
  int32_t *words = typed_data(env, argument[0], napi_int32_array, &words_length);
  double *addresses = words ? typed_data(env, argument[2], napi_float64_array, &addresses_length) : 0;
  int32_t *status = addresses ? typed_data(env, argument[3], napi_int32_array, &status_length) : 0;
  if (!status) return 0;
  Isa isas[4];
  if (wanted < 0 || wanted >= supported_isas(isas, 4)) return throw_type(env, "prepare: expected an instruction set of this processor");
  char problem[200];
  Prepared *prepared = prepared_create(words, (int64_t)words_length, isas[wanted].kernels, problem);
  if (!prepared) {
    napi_throw_error(env, 0, problem);
    return 0;
  }
  Handle *handle = calloc(1, sizeof *handle);
  if (!handle || status_length < 4 || addresses_length < (size_t)prepared_externals(prepared)) {
    prepared_free(prepared);
    free(handle);
    return throw_type(env, "prepare: expected an address for each external slot and a status of four words");
  }
  *handle = (Handle){prepared, addresses, status, 0, 0};
  if (napi_create_reference(env, argument[2], 1, &handle->keep_addresses) != napi_ok ||
      napi_create_reference(env, argument[3], 1, &handle->keep_status) != napi_ok ||
      napi_create_external(env, handle, free_handle, 0, &result) != napi_ok) {
    free_handle(env, handle, 0);
    return throw_type(env, "prepare: expected room for one more handle");
  }
  return result;
}

// run(handle) -> 0, or the code of the failure that `status` tells of
static napi_value run(napi_env env, napi_callback_info info) {
  napi_value argument, result;
  size_t count = 1;
  void *data = 0;
  napi_get_cb_info(env, info, &count, &argument, 0, 0);
  if (count < 1 || napi_get_value_external(env, argument, &data) != napi_ok || !data) return throw_type(env, "run: expected a handle");
  const Handle *handle = data;
  int32_t code = prepared_run(handle->prepared, handle->addresses, handle->status);
  return napi_create_int32(env, code, &result) == napi_ok ? result : 0;
}

// address(buffer: ArrayBuffer) -> number; a large buffer is put on huge pages where it has not been touched yet
static napi_value address(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1, bytes = 0;
  void *data = 0;
  napi_get_cb_info(env, info, &count, &argument, 0, 0);
  if (count < 1 || napi_get_arraybuffer_info(env, argument, &data, &bytes) != napi_ok) return throw_type(env, "address: expected an ArrayBuffer");
  if (bytes >= (size_t)2 << 20) prefer_huge_pages(data, bytes);
  return number(env, (double)(uintptr_t)data);
}

// setThreads(count): 0 means one for each core
static napi_value set_threads(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  int32_t threads = 0;
  napi_get_cb_info(env, info, &count, &argument, 0, 0);
  if (count < 1 || napi_get_value_int32(env, argument, &threads) != napi_ok) return throw_type(env, "setThreads: expected a number");
  run_set_threads(threads);
  return 0;
}

static napi_value threads(napi_env env, napi_callback_info info) {
  (void)info;
  return number(env, run_threads());
}

// isas() -> the names of the instruction sets that `prepare` may be asked for, best first
static napi_value isas(napi_env env, napi_callback_info info) {
  (void)info;
  Isa list[4];
  napi_value names, name;
  int32_t count = supported_isas(list, 4);
  if (napi_create_array(env, &names) != napi_ok) return 0;
  for (int32_t i = 0; i < count; i++)
    if (napi_create_string_utf8(env, list[i].name, NAPI_AUTO_LENGTH, &name) != napi_ok || napi_set_element(env, names, (uint32_t)i, name) != napi_ok) return 0;
  return names;
}

// gaussian(isa: number, words: Uint32Array, count: number, out: Float32Array, at: number, mean: number, std: number): `count` normal numbers
// from as many words into out[at...]; count is a multiple of 16 and at most 1024
static napi_value gaussian(napi_env env, napi_callback_info info) {
  napi_value argument[7];
  size_t count = 7, words_length = 0, out_length = 0;
  int32_t isa = 0, numbers = 0;
  int64_t at = 0;
  double mean = 0, std = 0;
  Isa list[4];
  napi_get_cb_info(env, info, &count, argument, 0, 0);
  if (count < 7 || napi_get_value_int32(env, argument[0], &isa) != napi_ok || napi_get_value_int32(env, argument[2], &numbers) != napi_ok ||
      napi_get_value_int64(env, argument[4], &at) != napi_ok || napi_get_value_double(env, argument[5], &mean) != napi_ok ||
      napi_get_value_double(env, argument[6], &std) != napi_ok)
    return throw_type(env, "gaussian: expected isa, words, count, out, at, mean, std");
  const uint32_t *words = typed_data(env, argument[1], napi_uint32_array, &words_length);
  float *out = words ? typed_data(env, argument[3], napi_float32_array, &out_length) : 0;
  if (!out) return 0;
  if (isa < 0 || isa >= supported_isas(list, 4) || numbers < 0 || numbers > 1024 || numbers % 16 != 0 || (size_t)numbers > words_length || at < 0 ||
      (size_t)at > out_length || (size_t)numbers > out_length - (size_t)at)
    return throw_type(env, "gaussian: expected a known isa and a multiple of 16, at most 1024, that words and out have room for");
  list[isa].gaussian(words, numbers, out + at, (float)mean, (float)std);
  return 0;
}

// Whether `first` and `second` may go with a fill of so many numbers (twister.h).
static int fill_fits(int32_t fill, int64_t count, double first, double second) {
  switch (fill) {
    case FILL_BERNOULLI: return first >= 0 && first <= 1;
    case FILL_INTEGERS: return first >= -0x1p31 && second >= 1 && second < 0x1p28 && first + second <= 0x1p31;
    case FILL_WIDE_INTEGERS: return first >= -0x1p31 && second >= 1 && first + second <= 0x1p31;
    case FILL_ORDER: return count <= INT32_MAX;
    default: return fill >= 0 && fill < FILLS;
  }
}

// twister(isa: number, state: Uint32Array[624], counters: Int32Array[2], fill: number, out, count: number, first: number, second: number):
// fills the first `count` places of `out`, and moves the state and its counters [left, next] on
static napi_value twister(napi_env env, napi_callback_info info) {
  napi_value argument[8];
  size_t count = 8, state_length = 0, counters_length = 0, out_length = 0;
  int32_t isa = 0, fill = 0;
  int64_t numbers = 0;
  double first = 0, second = 0;
  Isa list[4];
  napi_get_cb_info(env, info, &count, argument, 0, 0);
  if (count < 8 || napi_get_value_int32(env, argument[0], &isa) != napi_ok || napi_get_value_int32(env, argument[3], &fill) != napi_ok ||
      napi_get_value_int64(env, argument[5], &numbers) != napi_ok || napi_get_value_double(env, argument[6], &first) != napi_ok ||
      napi_get_value_double(env, argument[7], &second) != napi_ok)
    return throw_type(env, "twister: expected isa, state, counters, fill, out, count, first, second");
  uint32_t *state = typed_data(env, argument[1], napi_uint32_array, &state_length);
  int32_t *counters = state ? typed_data(env, argument[2], napi_int32_array, &counters_length) : 0;
  napi_typedarray_type type = fill == FILL_WORDS                                ? napi_uint32_array
                              : fill == FILL_UNIFORM || fill == FILL_BERNOULLI ? napi_float32_array
                                                                               : napi_int32_array;
  void *out = counters ? typed_data(env, argument[4], type, &out_length) : 0;
  if (!out) return 0;
  if (isa < 0 || isa >= supported_isas(list, 4) || numbers < 0 || (size_t)numbers > out_length || !fill_fits(fill, numbers, first, second))
    return throw_type(env, "twister: expected a known isa and a fill with its numbers, that out has room for");
  if (state_length != 624 || counters_length != 2 || counters[0] < 1 || counters[0] > 624 || counters[1] < 0 || counters[1] > 625 - counters[0])
    return throw_type(env, "twister: expected a state of 624 words and counters within it");
  Twister t = {state, counters[0], counters[1]};
  list[isa].twister(&t, fill, out, numbers, first, second);
  counters[0] = t.left, counters[1] = t.next;
  return 0;
}

// bytes() -> [arena, scratch]
static napi_value bytes(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value pair;
  double arena, scratch;
  run_bytes(&arena, &scratch);
  if (napi_create_array(env, &pair) != napi_ok) return 0;
  napi_set_element(env, pair, 0, number(env, arena));
  napi_set_element(env, pair, 1, number(env, scratch));
  return pair;
}

static void leave(napi_env env, void *data, void *hint) {
  (void)env, (void)data, (void)hint;
  if (__atomic_sub_fetch(&environments, 1, __ATOMIC_ACQ_REL) == 0) run_stop();
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback function;
  } functions[] = {{"prepare", prepare}, {"run", run}, {"address", address}, {"setThreads", set_threads}, {"threads", threads}, {"isas", isas}, {"bytes", bytes}, {"gaussian", gaussian}, {"twister", twister}};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value function;
    if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, 0, &function) != napi_ok ||
        napi_set_named_property(env, exports, functions[i].name, function) != napi_ok)
      return 0;
  }
  if (napi_set_instance_data(env, &environments, leave, 0) != napi_ok) return 0;
  if (__atomic_fetch_add(&environments, 1, __ATOMIC_ACQ_REL) == 0) keep_freed_memory();
  return exports;
}
