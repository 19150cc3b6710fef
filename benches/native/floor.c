/* Each job by the shortest way through CPython, NumPy's C API and the exchange API of
 * PyTorch, without a check of anything: nothing here is safe. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>

#include <dlpack/dlpack.h>

static const DLPackExchangeAPI *torch;

static PyObject *setup(PyObject *module, PyObject *type) {
    PyObject *capsule = PyObject_GetAttrString(type, "__dlpack_c_exchange_api__");
    (void)module;
    if (!capsule)
        return NULL;
    torch = PyCapsule_GetPointer(capsule, "dlpack_exchange_api");
    Py_DECREF(capsule);
    return torch ? Py_NewRef(Py_None) : NULL;
}

static PyObject *add(const float *a, const float *b, float *dst) {
    *dst = *a + *b;
    return Py_NewRef(Py_None);
}

static PyObject *add3_numpy(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    PyArrayObject *arrays[3] = {(PyArrayObject *)given[0], (PyArrayObject *)given[1],
                                (PyArrayObject *)given[2]};
    (void)module, (void)count;
    for (int each = 0; each < 3; each++)
        if (PyArray_NDIM(arrays[each]) != 2 || PyArray_TYPE(arrays[each]) != NPY_FLOAT)
            return PyErr_Format(PyExc_TypeError, "not a float array of 2 dimensions");
    return add(PyArray_DATA(arrays[0]), PyArray_DATA(arrays[1]), PyArray_DATA(arrays[2]));
}

static PyObject *add3_torch(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    DLTensor tensors[3];
    (void)module, (void)count;
    for (int each = 0; each < 3; each++) {
        if (torch->dltensor_from_py_object_no_sync(given[each], &tensors[each]))
            return NULL;
        if (tensors[each].ndim != 2 || tensors[each].dtype.bits != 32)
            return PyErr_Format(PyExc_TypeError, "not a float tensor of 2 dimensions");
    }
    return add(tensors[0].data, tensors[1].data, tensors[2].data);
}

/* One allocation: the managed tensor, its shape and its strides. */
struct managed {
    DLManagedTensorVersioned tensor;
    int64_t dims[4];
};

static void delete_managed(DLManagedTensorVersioned *managed) {
    PyGILState_STATE state = PyGILState_Ensure();
    Py_DECREF((PyObject *)managed->manager_ctx);
    PyGILState_Release(state);
    PyMem_RawFree(managed);
}

static PyObject *numpy_to_torch(PyObject *module, PyObject *object) {
    PyArrayObject *array = (PyArrayObject *)object;
    struct managed *made = PyMem_RawMalloc(sizeof *made);
    void *result;
    (void)module;
    for (int axis = 0; axis < 2; axis++) {
        made->dims[axis] = PyArray_DIM(array, axis);
        made->dims[2 + axis] = PyArray_STRIDE(array, axis) / (npy_intp)sizeof(float);
    }
    made->tensor = (DLManagedTensorVersioned){
        {DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION},
        Py_NewRef(object),
        delete_managed,
        0,
        {PyArray_DATA(array), {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, made->dims, made->dims + 2, 0}};
    return torch->managed_tensor_to_py_object_no_sync(&made->tensor, &result) ? NULL : result;
}

static PyObject *torch_to_numpy(PyObject *module, PyObject *object) {
    DLTensor tensor;
    npy_intp shape[2], strides[2];
    (void)module;
    if (torch->dltensor_from_py_object_no_sync(object, &tensor))
        return NULL;
    for (int axis = 0; axis < 2; axis++) {
        shape[axis] = tensor.shape[axis];
        strides[axis] = tensor.strides[axis] * (npy_intp)sizeof(float);
    }
    PyObject *array = PyArray_NewFromDescr(&PyArray_Type, PyArray_DescrFromType(NPY_FLOAT), 2,
                                           shape, strides, tensor.data, NPY_ARRAY_WRITEABLE, NULL);
    if (array)
        PyArray_SetBaseObject((PyArrayObject *)array, Py_NewRef(object));
    return array;
}

static PyMethodDef methods[] = {
    {"setup", setup, METH_O, NULL},
    {"add3_numpy", (PyCFunction)(void (*)(void))add3_numpy, METH_FASTCALL, NULL},
    {"add3_torch", (PyCFunction)(void (*)(void))add3_torch, METH_FASTCALL, NULL},
    {"numpy_to_torch", numpy_to_torch, METH_O, NULL},
    {"torch_to_numpy", torch_to_numpy, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "floor", .m_size = -1,
                                        .m_methods = methods};

PyMODINIT_FUNC PyInit_floor(void) {
    import_array();
    return PyModule_Create(&definition);
}
