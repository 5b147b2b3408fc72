package io.millrace.executor.cpu.weight;

import io.millrace.executor.step.Floats;
import io.millrace.memory.DType;
import io.millrace.optim.estimate.Query;
import java.util.ArrayList;
import java.util.List;

/**
 * A tensor as several queries see it, each formed by itself. One of them may store what is folded:
 * it comes last, since the others fold what is stored once more on their way.
 */
public final class EachQuery implements TensorForm {
    private final List<TensorForm> forms;
    private final int[] firstScales;

    /** Makes the form of one query. */
    @FunctionalInterface
    public interface Maker {
        /**
         * Makes it.
         *
         * @param store whether it stores what is folded
         */
        TensorForm make(Query query, boolean store);
    }

    private EachQuery(List<TensorForm> forms, int[] firstScales) {
        this.forms = forms;
        this.firstScales = firstScales;
    }

    /**
     * The form of some queries.
     *
     * @param queries one or more
     * @param store whether what is folded is to be stored
     * @param maker of each
     */
    public static TensorForm of(List<Query> queries, boolean store, Maker maker) {
        int last = queries.size() - 1;
        if (last == 0) {
            return maker.make(queries.getFirst(), store);
        }
        List<TensorForm> forms = new ArrayList<>(queries.size());
        int[] firstScales = new int[queries.size()];
        int scales = 0;
        for (int query = 0; query <= last; query++) {
            forms.add(maker.make(queries.get(query), store && query == last));
            firstScales[query] = scales;
            scales += queries.get(query).scales().size();
        }
        return new EachQuery(forms, firstScales);
    }

    @Override
    public void range(long first, long count, Floats place, long stride, int worker) {
        for (int query = 0; query < firstScales.length; query++) {
            Floats at = place.at(firstScales[query] * stride);
            forms.get(query).range(first, count, at, stride, worker);
        }
    }

    @Override
    public void columns(int from, int count, Floats place, long stride, int worker) {
        for (int query = 0; query < firstScales.length; query++) {
            Floats at = place.at(firstScales[query] * stride);
            forms.get(query).columns(from, count, at, stride, worker);
        }
    }

    @Override
    public boolean turns(int rows, DType type) {
        return forms.stream().allMatch(form -> form.turns(rows, type));
    }

    @Override
    public void turned(int row, int rows, Floats place, long stride, int worker) {
        for (int query = 0; query < firstScales.length; query++) {
            Floats at = place.at(firstScales[query] * stride);
            forms.get(query).turned(row, rows, at, stride, worker);
        }
    }
}
