package io.millrace.executor.plan;

import io.millrace.executor.config.Method;
import io.millrace.executor.config.TuneConfig;
import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Settings;
import io.millrace.optim.participation.WeightedLayers;
import io.millrace.prefetch.plan.Machine;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Methods side by side, for one model, batch, machine and budgets.
 *
 * @param methods in the order in which they were asked for
 */
public record MethodPlans(List<MethodPlan> methods) {
    /** Freezes the list. */
    public MethodPlans {
        methods = List.copyOf(methods);
    }

    /**
     * Plans each.
     *
     * @param methods which
     * @param told of the run, without a method; what means nothing to one is left out of its plan
     * @param model whose weights
     * @param machine where
     */
    public static MethodPlans of(
            Collection<Method> methods, Settings told, ModelShape model, Machine machine) {
        return new MethodPlans(
                methods.stream().map(method -> one(method, told, model, machine)).toList());
    }

    private static MethodPlan one(Method method, Settings told, ModelShape model, Machine machine) {
        Settings own = method.among(told);
        if (method.lacksWeights() && !own.has(WeightedLayers.WEIGHTS)) {
            // Which layers are likely changes no size: as likely as each other.
            int layers = model.layout().parts().size() - 2;
            own = own.with(WeightedLayers.WEIGHTS, Collections.nCopies(layers, 1.0));
        }
        try {
            PlanOptions options = PlanOptions.of(own, TuneConfig.builder(own).arithmetic());
            return MethodPlan.of(method, model, options, machine);
        } catch (BadInputException e) {
            return MethodPlan.refused(method, e);
        }
    }

    /**
     * The method with the least seconds a step among those of one kind that fit.
     *
     * @param firstOrder whether of those that go along the gradient, or of those of forwards alone
     */
    public Optional<MethodPlan> cheapest(boolean firstOrder) {
        return methods.stream()
                .filter(MethodPlan::fits)
                .filter(one -> one.method().isFirstOrder() == firstOrder)
                .min(Comparator.comparingDouble(one -> one.forecast().orElseThrow().stepSeconds()));
    }
}
