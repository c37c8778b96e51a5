# The native addon: one source of kernels, built once for each instruction set, and a module that chooses among them at run time.
{
  "variables": {
    "host": ["kernels/addon.c", "kernels/isa.c", "kernels/memory.c", "kernels/pool.c", "kernels/run.c"],
    # Every other file there is a kernel's.
    "kernels": ["<!@(node -p \"require('fs').readdirSync('kernels').filter((f) => /[.]c$/.test(f) && !/^(addon|isa|memory|pool|run)[.]c$/.test(f)).map((f) => 'kernels/' + f).join(' ')\")"],
    "flags": ["-std=gnu11", "-O3", "-fPIC", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden", "-Wall", "-Wextra"],
    "avx2_flags": ["-mavx2", "-mfma", "-mf16c"],
    "avx512_flags": ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mfma", "-mf16c", "-mprefer-vector-width=512"],
  },
  "target_defaults": {
    "cflags": ["<@(flags)"],
    # Frames are node-gyp's default; a kernel wants the register.
    "cflags!": ["-fno-omit-frame-pointer"],
    "xcode_settings": {
      "OTHER_CFLAGS": ["<@(flags)"],
      "GCC_OPTIMIZATION_LEVEL": "3",
      "MACOSX_DEPLOYMENT_TARGET": "11.0",
    },
    # The vector extensions are GCC's and Clang's: on Windows the compiler is clang-cl.
    "msbuild_toolset": "ClangCL",
    "msvs_settings": {
      "VCCLCompilerTool": {
        "AdditionalOptions": ["/clang:-std=gnu11", "/clang:-O3", "/clang:-fno-math-errno", "/clang:-fno-trapping-math"],
      },
    },
  },
  "conditions": [
    ["target_arch=='arm64'", {
      "targets": [
        {
          "target_name": "kernels_neon",
          "type": "static_library",
          "sources": ["<@(kernels)"],
          "defines": ["HEED_VARIANT=neon", "HEED_LANES=4"],
        },
      ],
    }, {
      "targets": [
        {
          "target_name": "kernels_baseline",
          "type": "static_library",
          "sources": ["<@(kernels)"],
          "defines": ["HEED_VARIANT=baseline", "HEED_LANES=4"],
        },
      ],
    }],
    ["target_arch=='x64'", {
      "targets": [
        {
          "target_name": "kernels_avx2",
          "type": "static_library",
          "sources": ["<@(kernels)"],
          "defines": ["HEED_VARIANT=avx2", "HEED_LANES=8"],
          "cflags": ["<@(avx2_flags)"],
          "xcode_settings": {"OTHER_CFLAGS": ["<@(avx2_flags)"]},
          "msvs_settings": {"VCCLCompilerTool": {"AdditionalOptions": ["<@(avx2_flags)"]}},
        },
        {
          "target_name": "kernels_avx512",
          "type": "static_library",
          "sources": ["<@(kernels)"],
          "defines": ["HEED_VARIANT=avx512", "HEED_LANES=16"],
          "cflags": ["<@(avx512_flags)"],
          "xcode_settings": {"OTHER_CFLAGS": ["<@(avx512_flags)"]},
          "msvs_settings": {"VCCLCompilerTool": {"AdditionalOptions": ["<@(avx512_flags)"]}},
        },
      ],
    }],
  ],
  "targets": [
    {
      "target_name": "heed",
      "sources": ["<@(host)"],
      "conditions": [
        ["target_arch=='arm64'", {"dependencies": ["kernels_neon"]}, {"dependencies": ["kernels_baseline"]}],
        ["target_arch=='x64'", {"dependencies": ["kernels_avx2", "kernels_avx512"]}],
      ],
    },
  ],
}
