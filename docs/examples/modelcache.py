# SPDX-License-Identifier: Apache-2.0
"""Models of model-cached in Python, by ctypes: no copy, and nothing to install.

    with Cache() as cache, cache.acquire("fraud_detection_model") as model:
        session = onnxruntime.InferenceSession(bytes(model.data))

As a program: modelcache.py NAME [VERSION or STAGE] prints what is held.
"""
import ctypes
import os
import sys


class _Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("text", ctypes.c_char * 208)]


class _Model(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_uint64)] + [
        (name, ctypes.c_char_p) for name in ("name", "version", "stage", "run_id", "sha256")
    ] + [("loaded_at", ctypes.c_int64)]


def _library():
    library = ctypes.CDLL(os.environ.get("MODELCACHE_LIBRARY", "libmodelcache.so.0"))
    error = ctypes.POINTER(_Error)
    library.modelcache_open.restype = ctypes.c_void_p
    library.modelcache_open.argtypes = [ctypes.c_char_p, error]
    library.modelcache_close.argtypes = [ctypes.c_void_p]
    library.modelcache_acquire.restype = ctypes.POINTER(_Model)
    library.modelcache_acquire.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, error]
    library.modelcache_release.argtypes = [ctypes.POINTER(_Model)]
    library.modelcache_fd.argtypes = [ctypes.c_void_p]
    return library


class Model:
    """A version in hand. `data` is a view of the shared memory, valid until release()."""

    def __init__(self, library, pointer):
        self._library, self._pointer = library, pointer
        row = pointer.contents
        for name in ("name", "version", "stage", "run_id", "sha256"):
            setattr(self, name, getattr(row, name).decode())
        self.size, self.loaded_at = row.size, row.loaded_at
        data = (ctypes.c_ubyte * row.size).from_address(row.data) if row.size else b""
        self.data = memoryview(data).cast("B").toreadonly()

    def release(self):
        if self._pointer:
            self.data.release()
            self._library.modelcache_release(self._pointer)
            self._pointer = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()


class Cache:
    """A connection to model-cached; `fd` becomes readable when another version is current."""

    def __init__(self, socket=None):
        self._library, error = _library(), _Error()
        path = os.fsencode(socket) if socket else None
        self._cache = self._library.modelcache_open(path, ctypes.byref(error))
        if not self._cache:
            raise OSError(error.code, error.text.decode())
        self.fd = self._library.modelcache_fd(self._cache)

    def acquire(self, name, selector=None):
        error = _Error()
        wanted = selector.encode() if selector else None
        pointer = self._library.modelcache_acquire(
            self._cache, name.encode(), wanted, ctypes.byref(error))
        if not pointer:
            raise OSError(error.code, error.text.decode())
        return Model(self._library, pointer)

    def close(self):
        self._library.modelcache_close(self._cache)
        self._cache = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: modelcache.py NAME [VERSION or STAGE]")
    with Cache(os.environ.get("MODELCACHE_SOCKET")) as cache:
        with cache.acquire(*sys.argv[1:]) as model:
            print(f"{model.name} version {model.version}, {model.size} bytes, {model.sha256}")


if __name__ == "__main__":
    main()
