/* An embedder: two lives of Python in one process, and a tensor that outlives the first.
 * Prints what each life says. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

/* As far as this program reads it. */
struct managed {
    uint32_t version[2];
    void *context;
    void (*deleter)(struct managed *);
};

static struct managed *kept[3];

static void keep(int place) {
    PyObject *main = PyImport_AddModule("__main__");
    PyObject *capsule = PyObject_GetAttrString(main, "capsule");
    kept[place] = PyCapsule_GetPointer(capsule, "dltensor_versioned");
    PyCapsule_SetName(capsule, "used_dltensor_versioned");
    Py_DECREF(capsule);
    PyRun_SimpleString("del capsule");
}

static void *delete_it(void *tensor) {
    ((struct managed *)tensor)->deleter(tensor);
    return NULL;
}

static void delete_on_thread(struct managed *tensor) {
    pthread_t thread;
    pthread_create(&thread, NULL, delete_it, tensor);
    pthread_join(thread, NULL);
}

static const char *const MAKE =
    "memory = bytearray(8)\n"
    "capsule = dlbridge.asarray(memory).__dlpack__(max_version=(1, 0))\n";
static const char *const FREED = "try:\n"
                                 "    memory.append(0)\n"
                                 "    print('freed')\n"
                                 "except BufferError:\n"
                                 "    print('kept')\n";

int main(void) {
    Py_Initialize();
    if (PyRun_SimpleString("import atexit, sys, dlbridge\natexit._run_exitfuncs()\n") != 0)
        return 1;
    PyRun_SimpleString(MAKE);
    keep(0);
    Py_BEGIN_ALLOW_THREADS delete_on_thread(kept[0]);
    Py_END_ALLOW_THREADS PyRun_SimpleString(FREED);
    for (int place = 1; place < 3; place++) {
        PyRun_SimpleString(MAKE);
        keep(place);
    }
    PyRun_SimpleString("import importlib\n"
                       "for name in [it for it in sys.modules if it.startswith('dlbridge')]:\n"
                       "    del sys.modules[name]\n"
                       "import dlbridge\n"
                       "print(dlbridge.empty(2).shape)\n");
    printf("%d\n", Py_FinalizeEx());
    fflush(stdout);

    Py_Initialize();
    PyRun_SimpleString("for _ in range(2):\n"
                       "    try:\n"
                       "        import dlbridge\n"
                       "    except ImportError as error:\n"
                       "        print(error)\n");
    /* Their owners were of the first life. */
    delete_it(kept[1]);
    Py_BEGIN_ALLOW_THREADS delete_on_thread(kept[2]);
    Py_END_ALLOW_THREADS PyRun_SimpleString("print(sum(range(10)))");
    printf("%d\n", Py_FinalizeEx());
    return 0;
}
