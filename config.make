# Sourced by nginx's auto/make: how to make the core that the module links.

cat << END                                                    >> $NGX_MAKEFILE

$KERBEROS_CORE:	kerberos_force
	\$(MAKE) -f $ngx_addon_dir/src/core.mk -C $ngx_addon_dir \\
		OUT=$KERBEROS_OUT

.PHONY:	kerberos_force
kerberos_force:

END
