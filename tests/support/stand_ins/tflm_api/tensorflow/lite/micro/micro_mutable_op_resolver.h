/* Stand-in for TFLM's header of that name: what the documentation of the API promises, no more.
 * Only the operators of the tests' models.
 */
#ifndef STAND_IN_MICRO_MUTABLE_OP_RESOLVER_H
#define STAND_IN_MICRO_MUTABLE_OP_RESOLVER_H

#include "tensorflow/lite/c/common.h"

namespace tflite {

class MicroOpResolver {
public:
    virtual ~MicroOpResolver()
    {
    }
};

template <unsigned int tOpCount>
class MicroMutableOpResolver : public MicroOpResolver {
public:
    TfLiteStatus AddConv2D(const TFLMRegistration & = TFLMRegistration())
    {
        return add();
    }
    TfLiteStatus AddFullyConnected(const TFLMRegistration & = TFLMRegistration())
    {
        return add();
    }
    TfLiteStatus AddReshape()
    {
        return add();
    }
    TfLiteStatus AddSoftmax(const TFLMRegistration & = TFLMRegistration())
    {
        return add();
    }
    unsigned GetRegistrationLength() const
    {
        return count_;
    }
    static void operator delete(void *)
    {
    }

private:
    TfLiteStatus add()
    {
        return count_ < tOpCount ? (count_++, kTfLiteOk) : kTfLiteError;
    }
    unsigned count_ = 0;
};

} // namespace tflite

#endif
