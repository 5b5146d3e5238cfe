# Sourced by nginx's auto/make: how to make the core that the module links.

cat << END                                                    >> $NGX_MAKEFILE

$KERBEROS_CORE:	kerberos_force
	\$(MAKE) -f $ngx_addon_dir/src/core.mk -C $ngx_addon_dir \\
		OUT=$NGX_OBJS/kerberos

.PHONY:	kerberos_force
kerberos_force:

END
