// The inner loops: one per scalar function and conversion of src/base/scalar.ts, in the order of that table. Semantics are those of
// the table in f32 and i32: i32 arithmetic wraps, an i32 division by zero gives 0, comparisons with NaN are false except "ne".

#include "instructions.h"

#include "matmul_convert.h"
#include "row_division.h"
#include "vector_activation.h"
#include "vector_double.h"
#include "vector_math.h"
#include "vector_part.h"
#include "vector_trig.h"

HEED_INLINE vf as_float(vi mask) { return (vf)(mask & 1); }
HEED_INLINE vi is_true(vf x) { return (x < 0) | (x > 0); }  // NaN counts as false, as in the table
HEED_INLINE vu bits(vf x) { return (vu)x; }
HEED_INLINE vi whole(vf x) { return (vi)x; }

HEED_INLINE vf sign_of(vf x) { return select(is_true(x), with_sign(splat(1), x), (vf)((vi)x & (vi)(x == x) & INT32_MIN)); }
HEED_INLINE vi to_int(vf x) { return __builtin_convertvector(x, vi); }

HEED_INLINE vf round_through(vf x, int32_t dtype) {
  vh_any half;
  store_wide((char *)&half, dtype, x);
  return load_wide((const char *)&half, dtype);
}

// Quotients are rounded down, as in Python; nothing may trap.
static int32_t int_floor_divide(int32_t a, int32_t b) {
  if (b == 0) return 0;
  if (b == -1) return (int32_t)(0u - (uint32_t)a);
  int32_t q = a / b;
  return q - (a % b != 0 && (a < 0) != (b < 0));
}
static int32_t int_remainder(int32_t a, int32_t b) {
  if (b == 0 || b == -1) return 0;
  int32_t r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
HEED_INLINE vf int_divide_wide(vf x, vf y, int32_t (*divide)(int32_t, int32_t)) {
  vi a = whole(x), b = whole(y), r = a;
  for (int i = 0; i < HEED_LANES; i++) r[i] = divide(a[i], b[i]);
  return (vf)r;
}

// The same loop for every function of x, y, z. Cheap ones are unrolled and have their ragged end apart; dear ones share one body.
#define X_OF(load) vf x = load(a)
#define XY_OF(load) vf x = load(a), y = load(b)
#define XYZ_OF(load) vf x = load(a), y = load(b), z = load(c)
#define LOAD_ALL(p) load(p)
#define LOAD_END(p) load_part(p, n)
#define LOAD_SOME(p) (n >= HEED_LANES ? load(p) : load_part(p, n))
#define RUN_OPERANDS                                                                           \
  float *d = run->d;                                                                           \
  const float *a = run->a, *b = run->b, *c = run->c;                                           \
  int64_t n = run->n;                                                                          \
  (void)b, (void)c

#define CHEAP(name, OPERANDS, value)                                                           \
  static void run_##name(const Run *run) {                                                     \
    RUN_OPERANDS;                                                                              \
    const int64_t a_step = run->a_step, b_step = run->b_step, c_step = run->c_step;            \
    _Pragma("GCC unroll 4") for (; n >= HEED_LANES; n -= HEED_LANES) {                         \
      OPERANDS(LOAD_ALL);                                                                      \
      store(d, (vf)(value));                                                                   \
      d += HEED_LANES, a += a_step, b += b_step, c += c_step;                                  \
    }                                                                                          \
    if (n > 0) {                                                                               \
      OPERANDS(LOAD_END);                                                                      \
      store_part(d, (vf)(value), n);                                                           \
    }                                                                                          \
  }

#define DEAR(name, OPERANDS, value)                                                            \
  static void run_##name(const Run *run) {                                                     \
    RUN_OPERANDS;                                                                              \
    for (; n > 0; n -= HEED_LANES) {                                                           \
      OPERANDS(LOAD_SOME);                                                                     \
      vf result = (vf)(value);                                                                 \
      if (n >= HEED_LANES)                                                                     \
        store(d, result);                                                                      \
      else                                                                                     \
        store_part(d, result, n);                                                              \
      d += HEED_LANES, a += run->a_step, b += run->b_step, c += run->c_step;                   \
    }                                                                                          \
  }

CHEAP(neg, X_OF, -x)
CHEAP(abs, X_OF, absolute(x))
CHEAP(sign, X_OF, sign_of(x))
DEAR(exp, X_OF, vector_exp(x))
DEAR(log, X_OF, vector_log(x))
DEAR(log1p, X_OF, vector_log1p(x))
DEAR(expm1, X_OF, vector_expm1(x))
CHEAP(sqrt, X_OF, square_root(x))
CHEAP(rsqrt, X_OF, 1 / square_root(x))
CHEAP(reciprocal, X_OF, 1 / x)
DEAR(sin, X_OF, vector_sin(x))
DEAR(cos, X_OF, vector_cos(x))
DEAR(tanh, X_OF, vector_tanh(x))
DEAR(erf, X_OF, vector_erf(x))
CHEAP(floor, X_OF, round_down(x))
CHEAP(ceil, X_OF, -round_down(-x))
CHEAP(round, X_OF, round_even(x))
CHEAP(trunc, X_OF, round_to_zero(x))
CHEAP(isnan, X_OF, as_float(x != x))
DEAR(sigmoid, X_OF, vector_sigmoid(x))
CHEAP(not, X_OF, as_float(~is_true(x)))
CHEAP(relu, X_OF, vector_relu(x))
DEAR(gelu_gate, X_OF, gelu_gate(x))
DEAR(gelu_tanh_gate, X_OF, gelu_tanh_gate(x))

CHEAP(add, XY_OF, x + y)
CHEAP(sub, XY_OF, x - y)
CHEAP(mul, XY_OF, x *y)
CHEAP(div_each, XY_OF, x / y)
DEAR(pow, XY_OF, vector_pow(x, y))
CHEAP(maximum, XY_OF, larger(x, y))
CHEAP(minimum, XY_OF, smaller(x, y))
DEAR(remainder, XY_OF, vector_remainder(x, y))
DEAR(floor_divide, XY_OF, vector_floor_divide(x, y))
CHEAP(eq, XY_OF, as_float(x == y))
CHEAP(ne, XY_OF, as_float(x != y))
CHEAP(lt, XY_OF, as_float(x < y))
CHEAP(le, XY_OF, as_float(x <= y))
CHEAP(gt, XY_OF, as_float(x > y))
CHEAP(ge, XY_OF, as_float(x >= y))
CHEAP(and, XY_OF, as_float(is_true(x) & is_true(y)))
CHEAP(or, XY_OF, as_float(is_true(x) | is_true(y)))
CHEAP(xor, XY_OF, as_float(is_true(x) ^ is_true(y)))
CHEAP(relu_gradient, XY_OF, relu_gradient(x, y))
DEAR(gelu_slope, XY_OF, gelu_slope(x, y))
CHEAP(gelu_tanh_slope, XY_OF, gelu_tanh_slope(x, y))
CHEAP(where, XYZ_OF, select(whole(x) != 0, y, z))

CHEAP(int_neg, X_OF, 0 - bits(x))
CHEAP(int_abs, X_OF, selecti(whole(x) < 0, (vi)(0 - bits(x)), whole(x)))
CHEAP(int_sign, X_OF, (whole(x) < 0) - (whole(x) > 0))
CHEAP(int_not, X_OF, as_float(whole(x) == 0))
CHEAP(int_relu, X_OF, whole(x) & ~(whole(x) >> 31))
CHEAP(int_add, XY_OF, bits(x) + bits(y))
CHEAP(int_sub, XY_OF, bits(x) - bits(y))
CHEAP(int_mul, XY_OF, bits(x) * bits(y))
CHEAP(int_maximum, XY_OF, selecti(whole(x) > whole(y), whole(x), whole(y)))
CHEAP(int_minimum, XY_OF, selecti(whole(x) < whole(y), whole(x), whole(y)))
DEAR(int_remainder, XY_OF, int_divide_wide(x, y, int_remainder))
DEAR(int_floor_divide, XY_OF, int_divide_wide(x, y, int_floor_divide))
CHEAP(int_eq, XY_OF, as_float(whole(x) == whole(y)))
CHEAP(int_ne, XY_OF, as_float(whole(x) != whole(y)))
CHEAP(int_lt, XY_OF, as_float(whole(x) < whole(y)))
CHEAP(int_le, XY_OF, as_float(whole(x) <= whole(y)))
CHEAP(int_gt, XY_OF, as_float(whole(x) > whole(y)))
CHEAP(int_ge, XY_OF, as_float(whole(x) >= whole(y)))
CHEAP(int_and, XY_OF, as_float((whole(x) != 0) & (whole(y) != 0)))
CHEAP(int_or, XY_OF, as_float((whole(x) | whole(y)) != 0))
CHEAP(int_xor, XY_OF, as_float((whole(x) != 0) ^ (whole(y) != 0)))

CHEAP(int_relu_gradient, XY_OF, whole(y) & (whole(x) > 0))

CHEAP(copy, X_OF, x)
CHEAP(to_int, X_OF, to_int(x))
CHEAP(to_float, X_OF, __builtin_convertvector(whole(x), vf))
CHEAP(round_f16, X_OF, round_through(x, DTYPE_F16))
CHEAP(round_bf16, X_OF, round_through(x, DTYPE_BF16))
CHEAP(int_round_f16, X_OF, round_through(__builtin_convertvector(whole(x), vf), DTYPE_F16))
CHEAP(int_round_bf16, X_OF, round_through(__builtin_convertvector(whole(x), vf), DTYPE_BF16))
CHEAP(to_bool, X_OF, as_float(x != 0))
CHEAP(int_to_bool, X_OF, as_float(whole(x) != 0))

// By one number for all the quotients are the same to the bit, and cheaper.
static void run_div(const Run *run) {
  if (run->b_step == 0 && run->a_step == HEED_LANES)
    divide_rows(run->d, run->a, run->b, 1, run->n);
  else
    run_div_each(run);
}

// x^2 and its like; each agrees with pow to the last place or nearly.
CHEAP(power_2, X_OF, x *x)
CHEAP(power_3, X_OF, x *x *x)
CHEAP(power_half, X_OF, select(x == -HEED_INFINITY, splat(HEED_INFINITY), square_root(x + 0)))

static const struct {
  Operation run;
  int32_t arity;
} table[256] = {
    [16] = {run_neg, 1}, [17] = {run_abs, 1}, [18] = {run_sign, 1}, [19] = {run_exp, 1}, [20] = {run_log, 1},
    [21] = {run_log1p, 1}, [22] = {run_expm1, 1}, [23] = {run_sqrt, 1}, [24] = {run_rsqrt, 1}, [25] = {run_reciprocal, 1},
    [26] = {run_sin, 1}, [27] = {run_cos, 1}, [28] = {run_tanh, 1}, [29] = {run_erf, 1}, [30] = {run_floor, 1},
    [31] = {run_ceil, 1}, [32] = {run_round, 1}, [33] = {run_trunc, 1}, [34] = {run_isnan, 1}, [35] = {run_sigmoid, 1},
    [36] = {run_not, 1}, [37] = {run_relu, 1}, [38] = {run_gelu_gate, 1}, [39] = {run_gelu_tanh_gate, 1},
    [48] = {run_to_int, 1}, [49] = {run_to_float, 1}, [50] = {run_round_f16, 1}, [51] = {run_round_bf16, 1}, [52] = {run_to_bool, 1},
    [64] = {run_add, 2}, [65] = {run_sub, 2}, [66] = {run_mul, 2}, [67] = {run_div, 2}, [68] = {run_pow, 2},
    [69] = {run_maximum, 2}, [70] = {run_minimum, 2}, [71] = {run_remainder, 2}, [72] = {run_floor_divide, 2}, [73] = {run_eq, 2},
    [74] = {run_ne, 2}, [75] = {run_lt, 2}, [76] = {run_le, 2}, [77] = {run_gt, 2}, [78] = {run_ge, 2},
    [79] = {run_and, 2}, [80] = {run_or, 2}, [81] = {run_xor, 2}, [82] = {run_relu_gradient, 2}, [83] = {run_gelu_slope, 2},
    [84] = {run_gelu_tanh_slope, 2}, [96] = {run_where, 3},
    // i32 operands: 128 higher
    [144] = {run_int_neg, 1}, [145] = {run_int_abs, 1}, [146] = {run_int_sign, 1}, [164] = {run_int_not, 1},
    [165] = {run_int_relu, 1},
    [176] = {run_copy, 1}, [177] = {run_to_float, 1}, [178] = {run_int_round_f16, 1},
    [179] = {run_int_round_bf16, 1}, [180] = {run_int_to_bool, 1},
    [192] = {run_int_add, 2}, [193] = {run_int_sub, 2}, [194] = {run_int_mul, 2}, [197] = {run_int_maximum, 2},
    [198] = {run_int_minimum, 2}, [199] = {run_int_remainder, 2}, [200] = {run_int_floor_divide, 2}, [201] = {run_int_eq, 2},
    [202] = {run_int_ne, 2}, [203] = {run_int_lt, 2}, [204] = {run_int_le, 2}, [205] = {run_int_gt, 2}, [206] = {run_int_ge, 2},
    [207] = {run_int_and, 2}, [208] = {run_int_or, 2}, [209] = {run_int_xor, 2}, [210] = {run_int_relu_gradient, 2}, [224] = {run_where, 3},
};

Operation KERNEL(operation)(int32_t code) { return code >= 0 && code < 256 ? table[code].run : 0; }
int32_t KERNEL(operation_arity)(int32_t code) { return code >= 0 && code < 256 ? table[code].arity : 0; }

Operation KERNEL(operation_power)(float power) {
  return power == 2 ? run_power_2 : power == 3 ? run_power_3 : power == 0.5f ? run_power_half : power == -1 ? run_reciprocal : 0;
}
