package io.millrace.model.quantize;

/**
 * A set of numbers that a code of few bits stands for, once for each scale: {@code value = scale ·
 * number(code)}.
 */
interface CodeBook {
    /**
     * The scale of a group, as it can be stored.
     *
     * @param greatest the greatest magnitude that the codes shall reach; finite, 0 in a group of
     *     zeros
     * @return more than 0; infinite where the form has no number so large
     */
    float scale(float greatest);

    /** The code whose value is nearest, of those there are. */
    int code(float value, float scale);

    /** What a code stands for, as readers of the form compute it. */
    float value(int code, float scale);
}
